"""The probes of a wait, which are commands in a machine, and their time limits.

Upstream gives each probe a limit of 900 s, independent of the limit of the wait. So does this module,
but a probe ends at the latest FINAL_PROBE seconds after the limit of the wait. A probe that was
aborted at its limit has no result, so it never makes a wait succeed.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from charioteer.testing.duration import Duration, render, seconds
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine.result import TIMED_OUT
from charioteer.testing.machine.retry import retry

PROBE_LIMIT = 900
FINAL_PROBE = 150.0
"""More than the time, about 130 s, after which Linux aborts a TCP connection without a response."""

_end_of_wait: ContextVar[float | None] = ContextVar("_end_of_wait", default=None)


class ProbeAborted(Exception):
    """A probe of a wait was aborted at its limit."""

    def __init__(self, command: str) -> None:
        super().__init__(f"`{command}` was aborted at its limit")
        self.command = command


@contextmanager
def probing_until(end: float | None) -> Iterator[None]:
    """Within the block, commands of this thread are probes of a wait with its limit at `end`.

    `end` is a time of time.monotonic(). If it is None, the commands are not probes.
    """
    token = _end_of_wait.set(end)
    try:
        yield
    finally:
        _end_of_wait.reset(token)


def command_limit(timeout: Duration | None) -> Duration | None:
    """The limit of a command with `timeout`, which is shorter if it is a probe of a wait."""
    end = _end_of_wait.get()
    if end is None:
        return timeout
    # Whole seconds, because the program timeout of some guests accepts nothing else.
    until_end = max(0.0, float(round(end - time.monotonic() + 0.5)))
    limit = min(float(PROBE_LIMIT), until_end + FINAL_PROBE)
    if timeout is not None and seconds(timeout) <= limit:
        return timeout
    return int(limit)


def raise_if_aborted(command: str, status: int) -> None:
    """Raises ProbeAborted if the command was a probe of a wait and was aborted at its limit."""
    if status == TIMED_OUT and _end_of_wait.get() is not None:
        raise ProbeAborted(command)


def wait_until(holds: Callable[[bool], bool], timeout: Duration) -> None:
    """Like `retry`, for conditions that are checked by commands in a machine.

    Raises RequestedAssertionFailed as `retry` does, and when the last probe has no result.
    """
    begin = time.monotonic()
    end = begin + seconds(timeout)

    def attempt(last_try: bool) -> bool:
        started = time.monotonic()
        try:
            with probing_until(end):
                return holds(last_try)
        except ProbeAborted as aborted:
            now = time.monotonic()
            if now < end:
                return False
            error = RequestedAssertionFailed(
                f"action timed out after {now - begin:.2f} seconds (timeout={render(timeout)})"
            )
            error.add_note(
                f"the last attempt, `{aborted.command}`, had no result after {now - started:.1f} s"
            )
            raise error from None

    retry(attempt, timeout=timeout)


def run_command(command: str, run: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    """The result of `run`, which runs `command`. Raises ProbeAborted for an aborted probe."""
    try:
        status, output = run()
    except subprocess.TimeoutExpired:
        raise_if_aborted(command, TIMED_OUT)
        raise
    raise_if_aborted(command, status)
    return status, output
