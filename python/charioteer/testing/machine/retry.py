"""Retries until a condition holds."""

import time
from collections.abc import Callable
from typing import Any

from charioteer.testing.cancellation import check_cancelled
from charioteer.testing.duration import Duration, render, seconds
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.parameters import checked

DEFAULT_TIMEOUT = 900
SHORTEST_PAUSE = 0.02
LONGEST_PAUSE = 1.0


@checked
def retry(
    fn: Callable[[bool], Any],
    timeout_seconds: Duration | None = None,
    timeout: Duration | None = None,
) -> None:
    """Calls `fn(False)` until it returns something true, for `timeout` (default 900 s).

    After that calls `fn(True)` once more, so that `fn` can log the last state it has seen. The
    pause between two calls grows with the time already spent, from 20 ms to 1 s. A timeout of 0
    means one call, with True. `timeout_seconds` is the older name of `timeout`.

    Raises RequestedAssertionFailed when the last call returns something false, TypeError when both
    names are used.
    """
    if timeout is not None and timeout_seconds is not None:
        raise TypeError(
            "retry() got both 'timeout' and 'timeout_seconds' arguments. Pass only 'timeout'"
        )
    limit: Duration = DEFAULT_TIMEOUT
    if timeout is not None:
        limit = timeout
    elif timeout_seconds is not None:
        limit = timeout_seconds

    start = time.monotonic()
    attempts = 1
    while (elapsed := time.monotonic() - start) < seconds(limit):
        if fn(False):
            return
        attempts += 1
        check_cancelled()
        time.sleep(pause_after(elapsed, seconds(limit)))
    if fn(True):
        return
    elapsed = time.monotonic() - start
    error = RequestedAssertionFailed(
        f"action timed out after {elapsed:.2f} seconds (timeout={render(limit)})"
    )
    error.add_note(f"{attempts} attempt{'s' if attempts > 1 else ''}")
    raise error


def pause_after(elapsed: float, limit: float) -> float:
    """The pause, in seconds, after an attempt that began `elapsed` seconds into a wait."""
    pause = min(max(elapsed / 32, SHORTEST_PAUSE), LONGEST_PAUSE)
    return min(pause, max(limit - elapsed, 0.0))
