"""What this host has for tests: free memory, and processors."""

import os
import re
from pathlib import Path

from charioteer.suite import limits
from charioteer.suite.demand import Demand
from charioteer.suite.ledger import Ledger
from charioteer.suite.usage import memory_in_use

_RESERVED = 0.05
"""The share of the host's memory, and of each limit, that tests leave free."""


def capacity(ledger: Ledger) -> Demand:
    """What all tests on this host may take together: what is free, and what tests use already.

    Memory that a test has claimed and not used yet is free. Raises OSError.
    """
    with ledger.locked():
        claimed, owners = ledger.claimed(), ledger.owners()
    # An owner may use more than its claims, which are of its tests only.
    used = min(memory_in_use(owners) >> 20, claimed.memory)
    return free(used)


def free(used: int, root: Path = limits.ROOT) -> Demand:
    """What is free, and the `used` MB.

    The limits of the control groups of this process count, and so does the set of processors on
    which it may run. `root` has /proc and /sys.
    """
    meminfo = (root / "proc/meminfo").read_text()
    left = [_field(meminfo, "MemAvailable") - _reserve(_field(meminfo, "MemTotal"))]
    processors = [float(len(os.sched_getaffinity(0)))]
    for group in limits.groups(root):
        if (memory := _free_memory(group)) is not None:
            left.append(memory)
        if (share := limits.processor_limit(group)) is not None:
            processors.append(share)
    return Demand((max(min(left), 0) >> 20) + used, min(processors))


def _field(meminfo: str, name: str) -> int:
    """A field of /proc/meminfo in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def _reserve(memory: int) -> int:
    return int(_RESERVED * memory)


def _free_memory(group: Path) -> int | None:
    """The bytes that tests may take of the limit of a group; None without a limit."""
    limit, current = limits.memory_limit(group), limits.read(group / "memory.current")
    if limit is None or current is None:
        return None
    # The page cache is given up before the limit has an effect.
    stat = limits.read(group / "memory.stat") or ""
    cache = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)
    return limit - int(current) + (int(cache[1]) if cache else 0) - _reserve(limit)
