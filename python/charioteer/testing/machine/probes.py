"""The probes of a wait, which are commands in a machine, and their time limits.

Upstream gives each probe a limit of 900 s, independent of the limit of the wait. This module does
too, until the limit of the wait has passed: from then on a probe has LATE_ANSWER seconds. A probe
that was aborted at its limit has no result, so it never makes a wait succeed.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from charioteer.testing.duration import Duration, render, seconds
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine.retry import retry

LONGEST = 900
LATE_ANSWER = 150.0
"""More than the 130 s or so after which Linux gives up connecting to an address without answer."""
CUT_OFF = 124
"""The status of a command that a limit has ended."""

_end_of_wait: ContextVar[float | None] = ContextVar("_end_of_wait", default=None)


class Unanswered(Exception):
    """A probe of a wait was aborted at its limit."""

    def __init__(self, command: str) -> None:
        super().__init__(f"`{command}` was aborted at its limit")
        self.command = command


@contextmanager
def asking_until(end: float | None) -> Iterator[None]:
    """Within the block, commands of this thread are probes of a wait whose limit passes at `end`,
    by time.monotonic(); with None they are not.
    """
    token = _end_of_wait.set(end)
    try:
        yield
    finally:
        _end_of_wait.reset(token)


def granted(timeout: Duration | None) -> Duration | None:
    """The limit of a command with `timeout`, which is shorter if it is a probe of a wait."""
    end = _end_of_wait.get()
    if end is None:
        return timeout
    # Whole seconds, because some guests' `timeout` accepts nothing else.
    rest = min(float(LONGEST), max(0.0, float(round(end - time.monotonic() + 0.5))) + LATE_ANSWER)
    if timeout is not None and seconds(timeout) <= rest:
        return timeout
    return int(rest)


def expect_answer(command: str, status: int) -> None:
    """Raises Unanswered if the command was a probe of a wait and was aborted at its limit."""
    if status == CUT_OFF and _end_of_wait.get() is not None:
        raise Unanswered(command)


def wait_until(holds: Callable[[bool], bool], timeout: Duration) -> None:
    """Like `retry`, for conditions that are checked by commands in a machine.

    Raises RequestedAssertionFailed as `retry` does, and when the last probe has no result.
    """
    begin = time.monotonic()
    end = begin + seconds(timeout)

    def ask(last_try: bool) -> bool:
        asked = time.monotonic()
        try:
            with asking_until(end):
                return holds(last_try)
        except Unanswered as unanswered:
            now = time.monotonic()
            if now < end:
                return False
            error = RequestedAssertionFailed(
                f"action timed out after {now - begin:.2f} seconds (timeout={render(timeout)})"
            )
            error.add_note(
                f"the last try of `{unanswered.command}` has had no answer for {now - asked:.1f} s"
            )
            raise error from None

    retry(ask, timeout=timeout)


def run_question(command: str, run: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    """The result of `run`, which runs `command`. Raises Unanswered for an aborted probe."""
    try:
        status, output = run()
    except subprocess.TimeoutExpired:
        expect_answer(command, CUT_OFF)
        raise
    expect_answer(command, status)
    return status, output
