"""Memory and processor time of a process with all of its descendants, from samples of /proc."""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from charioteer.suite.demand import Measured

_TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY = 0.5
"""Seconds between two samples."""
_LEAST_SAMPLES = 5
"""Fewer than these miss the peak."""


@dataclass(frozen=True)
class Process:
    """A sample of a process; `ticks` of processor time."""

    parent: int
    ticks: int


def processes() -> dict[int, Process]:
    """All processes of the host, by their ids."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            # Names of processes are any bytes, or are cut within a character.
            stat = Path(f"/proc/{entry}/stat").read_text(errors="replace")
        except OSError:
            continue  # it has ended
        # After the name in parentheses; parent, utime and stime are fields 4, 14 and 15.
        fields = stat.rpartition(")")[2].split()
        found[int(entry)] = Process(int(fields[1]), int(fields[11]) + int(fields[12]))
    return found


def memory_of(pid: int) -> int:
    """Bytes that the process does not share with the files that it has mapped; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return 0
    # Guests' memory is of the second kind, if other processes serve devices.
    sizes = re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB$", status, re.MULTILINE)
    return sum(int(each) << 10 for each in sizes)


@dataclass
class Meter:
    """What a run has taken so far."""

    root: int
    """The id of its first process."""
    peak: int = 0
    """Bytes."""
    samples: int = 0
    _ticks: dict[int, int] = field(default_factory=dict)
    _next: float = 0.0

    def sample(self, table: dict[int, Process]) -> None:
        """Takes a sample; `table`: the processes of the host now."""
        tree = _tree([self.root], table)
        self.peak = max(self.peak, sum(memory_of(pid) for pid in tree))
        self._ticks.update({pid: table[pid].ticks for pid in tree})
        self.samples += 1

    def sample_at_intervals(self) -> None:
        """Takes a sample if the last one is old enough."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SAMPLE_EVERY
            self.sample(processes())

    def measured(self, seconds: float) -> Measured | None:
        """The result for a run that lasted `seconds`; None if it was too short."""
        if self.samples < _LEAST_SAMPLES:
            return None
        processor = sum(self._ticks.values()) / _TICKS
        return Measured(self.peak >> 20, processor / seconds)


def memory_in_use(roots: Iterable[int]) -> int:
    """Bytes that these processes take with all of their descendants."""
    return sum(memory_of(pid) for pid in _tree(roots, processes()))


def _tree(roots: Iterable[int], table: dict[int, Process]) -> list[int]:
    """These processes and all of their descendants, each once."""
    children: dict[int, list[int]] = {}
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
    tree = [root for root in roots if root in table]
    seen = set(tree)
    for pid in tree:
        new = [each for each in children.get(pid, []) if each not in seen]
        seen.update(new)
        tree += new
    return tree
