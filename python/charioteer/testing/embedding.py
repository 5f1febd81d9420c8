"""What a driver needs in a program of its own, whose process it shares with other drivers."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from charioteer.testing.duration import Duration, render, seconds
from charioteer.testing.errors import MachineTimeout


class TimeLimit:
    """A limit for all calls to machines together. Thread-safe."""

    def __init__(self, limit: Duration | None = None) -> None:
        """`limit`: in seconds, or a timedelta; None is no limit. It counts from now."""
        self._limit = limit
        self._end = None if limit is None else time.monotonic() + seconds(limit)

    def check(self) -> None:
        """Raises MachineTimeout when the limit has passed."""
        if self._limit is not None and self._end is not None and time.monotonic() >= self._end:
            raise MachineTimeout(
                f"the time limit of the cluster, {render(self._limit)} s, has passed"
            )

    def cancel(self) -> None:
        """The limit does not apply any more."""
        self._end = None


@dataclass(frozen=True)
class Embedding:
    """The driver keeps to `tmp_dir`, and does not change the environment of the process."""

    tmp_dir: Path
    """The folder for the state and the sockets of the machines."""
    limit: TimeLimit = field(default_factory=TimeLimit)
