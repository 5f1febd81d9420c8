"""Pauses of a script while its calls are answered from a record: no machine runs for which to wait."""

import time
from collections.abc import Callable

_sleep = time.sleep


def skip_while(is_replayed: Callable[[], bool]) -> None:
    """From now on `time.sleep` returns at once while `is_replayed()`; until `restore()`."""

    def sleep(secs: float) -> None:
        _sleep(0 if is_replayed() and secs > 0 else secs)

    time.sleep = sleep


def restore() -> None:
    """Makes `time.sleep` Python's own again."""
    time.sleep = _sleep
