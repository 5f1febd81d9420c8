"""Ctrl-C and SIGTERM for a suite, which ends its runs and keeps their results."""

import os
import signal
from types import FrameType
from typing import Any

from charioteer import _core as core


class Interruptions:
    """Within the block Ctrl-C and SIGTERM have an effect only where `check` is called.

    Otherwise the result of a run that has just ended could be lost. Main thread only.
    """

    def __init__(self) -> None:
        self._received: list[int] = []

    def __enter__(self) -> "Interruptions":
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakes = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._record)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        # The limits for the end of a script are too short for ending all runs.
        core.unwatch_sigterm()
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakes)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Readable when a signal was received."""
        return self._reader

    def check(self) -> None:
        """Raises KeyboardInterrupt after Ctrl-C, and SystemExit after SIGTERM, once for each."""
        try:
            os.read(self._reader, 512)
        except BlockingIOError:
            pass
        if not self._received:
            return
        number = self._received.pop(0)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    def _record(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
