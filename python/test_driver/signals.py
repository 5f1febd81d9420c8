"""Ctrl-C and SIGTERM: both end the test by an exception, and neither interrupts the clean-up."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


class Terminated(BaseException):
    """SIGTERM came. Not an Exception, so that test scripts let it pass."""


class Signals:
    """The handlers of a run. To be made on the main thread.

    Leaving `with signals:` holds signals off: from then on they are only noted.
    """

    def __init__(self) -> None:
        self.came: int | None = None
        """The last signal that came while they were held off."""
        self._held = False
        self._before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._held:
            self.came = number
        elif number == signal.SIGTERM:
            raise Terminated
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        ...

    def __exit__(self, *_exception: object) -> None:
        self._held = True

    def raise_held(self) -> None:
        """Raises what the signal that came would have raised."""
        if self.came is not None:
            raise Terminated if self.came == signal.SIGTERM else KeyboardInterrupt

    def restore(self) -> None:
        """Back to how it was before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def die_by_sigterm() -> NoReturn:
    """Ends this process as SIGTERM does when nobody handles it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass  # nobody reads it any more
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(128 + signal.SIGTERM)
