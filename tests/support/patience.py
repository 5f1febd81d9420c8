"""How long tests wait for the host, scaled by CHARIOTEER_TEST_PATIENCE for slow machines.

These are the limits after which a test is hung, far above what anything takes.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from signal import ITIMER_REAL, SIGALRM, setitimer, signal

FACTOR = float(os.environ.get("CHARIOTEER_TEST_PATIENCE", "1"))
_LOOK_EVERY = 0.01


class Hung(BaseException):
    """A test reached its own deadline. Not an Exception, so that nothing in between eats it."""


def scaled(seconds: float) -> float:
    """A limit for this host, in seconds."""
    return seconds * FACTOR


def until(condition: Callable[[], bool], limit: float, what: Callable[[], str]) -> None:
    """Returns when `condition()` holds; fails with `what()` after `limit` unscaled seconds."""
    end = time.monotonic() + scaled(limit)
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(_LOOK_EVERY)


@contextmanager
def deadline(limit: float) -> Iterator[None]:
    """Ends the block by Hung, on the main thread, after `limit` unscaled seconds."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Hung(f"the test did not end within {scaled(limit):g} s")

    previous = signal(SIGALRM, ring)
    setitimer(ITIMER_REAL, scaled(limit))
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, previous)
