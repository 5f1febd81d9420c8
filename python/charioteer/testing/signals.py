"""Ctrl-C and SIGTERM: both end the test by an exception, and neither interrupts the clean-up.

SIGTERM ends the process whatever becomes of the exception; the core sees to that.
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
    """SIGTERM came. Not an Exception, so that test scripts let it pass; what reads and runs lines,
    such as a prompt, lets SystemExit pass, too.
    """

    def __init__(self) -> None:
        super().__init__(SIGTERM_STATUS)


class Signals:
    """The handlers of a run. To be made on the main thread.

    Leaving `with signals:` holds signals off: from then on they are only noted.
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
        # A handler that the script installs takes part, and does not replace the core's.
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
            # Once: what the script does by then is bounded by the core.
            self._terminated = True
            raise Terminated

    def __enter__(self) -> None:
        ...

    def __exit__(self, *_exception: object) -> None:
        self._held = True
        core.script_ended()

    @contextmanager
    def prevailing(self) -> Generator[None, None, None]:
        """After the block, raises what the signals that came while they were held off stand for.

        SIGTERM counts however the block ends, since a script may have kept its exception to itself.
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
        """Back to how it was before."""
        core.unwatch_sigterm()
        signal.signal = self._set_handler
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _let_child_die() -> None:
    """In a forked child, signals do what they do in any program."""
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    for number, default in defaults.items():
        handler: Any = signal.getsignal(number)
        if isinstance(getattr(handler, "__self__", None), Signals):
            handler = default
        # Also the script's own, which is not the core's to call there.
        signal.signal(number, handler)


os.register_at_fork(after_in_child=_let_child_die)


def die_by_sigterm() -> NoReturn:
    """Ends this process as SIGTERM does by default."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass  # the reader has closed it
    core.die_by_sigterm()
