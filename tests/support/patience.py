"""Time limits of tests, scaled by CHARIOTEER_TEST_PATIENCE for slow hosts.

They are far above all normal durations: a test that exceeds its limit hangs.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from signal import ITIMER_REAL, SIGALRM, setitimer, signal

FACTOR = float(os.environ.get("CHARIOTEER_TEST_PATIENCE", "1"))
# The pause between two polls, in seconds: short at first, then longer, so that polling does not
# take processor time from the awaited operation.
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.1


class DeadlineExceeded(BaseException):
    """A test reached its deadline. Not an Exception, so that no code under test catches it."""


def scaled(seconds: float) -> float:
    """A limit for this host, in seconds."""
    return seconds * FACTOR


def until(condition: Callable[[], bool], limit: float, what: Callable[[], str]) -> None:
    """Returns when `condition()` holds; fails with `what()` after `limit` unscaled seconds."""
    end = time.monotonic() + scaled(limit)
    pause = _FIRST_PAUSE
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(pause)
        pause = min(1.2 * pause, _LONGEST_PAUSE)


def with_growing_limit(attempt: Callable[[float], bool], first: float) -> None:
    """Calls `attempt` with a limit in seconds until it returns true; fails after the fifth attempt.

    For what has to happen before a short limit has passed: on a loaded host the first limit may be
    too short for it. Each limit is four times the one before.
    """
    limits = [first * 4**number for number in range(5)]
    assert any(attempt(limit) for limit in limits), f"it did not happen within {limits[-1]:g} s"


@contextmanager
def deadline(limit: float) -> Iterator[None]:
    """Ends the block by DeadlineExceeded, on the main thread, after `limit` unscaled seconds.

    Within another deadline's block, that one is paused meanwhile.
    """

    def on_alarm(_number: int, _frame: FrameType | None) -> None:
        raise DeadlineExceeded(f"the test did not end within {scaled(limit):g} s")

    # An exception of the alarm may come anywhere after it was set, also in the inner `finally`. There is
    # no second one.
    outer_left, _ = setitimer(ITIMER_REAL, 0)
    previous = signal(SIGALRM, on_alarm)
    try:
        try:
            setitimer(ITIMER_REAL, scaled(limit))
            yield
        finally:
            setitimer(ITIMER_REAL, 0)
    finally:
        signal(SIGALRM, previous)
        setitimer(ITIMER_REAL, outer_left)
