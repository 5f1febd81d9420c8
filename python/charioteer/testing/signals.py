"""Ctrl-C and SIGTERM: both end the test by an exception, and neither interrupts the clean-up.

The core ensures that the process ends after SIGTERM, even if the script catches the exception.
"""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from charioteer import _core as core

SIGTERM_STATUS = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """SIGTERM was received. A SystemExit, since scripts that catch Exception do not catch it, and
    neither do prompts.
    """

    def __init__(self) -> None:
        super().__init__(SIGTERM_STATUS)


class Signals:
    """The signal handlers of a run. Must be constructed on the main thread.

    After `with signals:` signals are only recorded.
    """

    def __init__(self) -> None:
        self._held = False
        self._interrupted = False
        self._terminated = False
        self._before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        self._set_handler = signal.signal
        # A handler that the script installs is called in addition to the core's.
        signal.signal = self._signal  # type: ignore[assignment]
        core.watch_sigterm()

    def _signal(self, number: int, handler: Any) -> Any:
        before = self._set_handler(number, handler)
        if number == signal.SIGTERM:
            core.watch_sigterm()
        return before

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._held:
            self._interrupted |= number == signal.SIGINT
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        elif not self._terminated:
            # Only once: the core limits the time that the script has from then on.
            self._terminated = True
            raise Terminated

    def __enter__(self) -> None:
        ...

    def __exit__(self, *_exception: object) -> None:
        self._held = True
        core.script_ended()

    @contextmanager
    def prevailing(self) -> Generator[None, None, None]:
        """After the block, raises the exceptions for signals that were only recorded.

        SIGTERM has an effect in any case, since a script may have caught its exception.
        """
        try:
            yield
        except Terminated:
            raise
        except BaseException:
            if core.is_terminating():
                raise Terminated
            raise
        if core.is_terminating():
            raise Terminated
        if self._interrupted:
            raise KeyboardInterrupt

    def restore(self) -> None:
        """Restores the previous handlers."""
        core.unwatch_sigterm()
        signal.signal = self._set_handler
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _let_child_die() -> None:
    """In a forked child, signals have their default effects."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    for number, default in defaults.items():
        handler: Any = signal.getsignal(number)
        if isinstance(getattr(handler, "__self__", None), Signals):
            handler = default
        # Including the script's own handler, which the core must not call there.
        signal.signal(number, handler)


os.register_at_fork(after_in_child=_let_child_die)


def end_by_sigterm() -> NoReturn:
    """Ends this process by SIGTERM's default action."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass  # the reader has closed it
    core.end_by_sigterm()
