"""The questions that a wait asks of a machine, and how long they may take.

Upstream asks each under a limit of 900 s, whatever the limit of the wait. So does this, until the
limit of the wait has passed: from then on a question has LATE_ANSWER seconds. One that is cut off
says nothing, so it never makes a wait succeed.
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
    """A question of a wait was cut off."""

    def __init__(self, command: str) -> None:
        super().__init__(f"`{command}` was cut off")
        self.command = command


@contextmanager
def asking_until(end: float | None) -> Iterator[None]:
    """Commands of this thread are questions of a wait whose limit passes at `end`, by
    time.monotonic(); None: they are not.
    """
    token = _end_of_wait.set(end)
    try:
        yield
    finally:
        _end_of_wait.reset(token)


def granted(timeout: Duration | None) -> Duration | None:
    """The limit of a command that would have `timeout`: less, as a question of a wait."""
    end = _end_of_wait.get()
    if end is None:
        return timeout
    # In whole seconds, as every guest's `timeout` takes them.
    rest = min(float(LONGEST), max(0.0, float(round(end - time.monotonic() + 0.5))) + LATE_ANSWER)
    if timeout is not None and seconds(timeout) <= rest:
        return timeout
    return int(rest)


def expect_answer(command: str, status: int) -> None:
    """Raises Unanswered when the command was a question of a wait and was cut off."""
    if status == CUT_OFF and _end_of_wait.get() is not None:
        raise Unanswered(command)


def wait_until(holds: Callable[[bool], bool], timeout: Duration) -> None:
    """Like `retry`, for what is found out by commands in a machine.

    Raises RequestedAssertionFailed as `retry` does, and when the last question has no answer.
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
    """What `run` returns for `command`. Raises Unanswered when a wait's question was cut off."""
    try:
        status, output = run()
    except subprocess.TimeoutExpired:
        expect_answer(command, CUT_OFF)
        raise
    expect_answer(command, status)
    return status, output
