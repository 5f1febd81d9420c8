"""What limits the memory and the processors of this process: control groups (version 2), and the set
of processors on which it may run, as a container or a batch system sets them."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
"""Has /proc and /sys."""


def groups(root: Path = ROOT) -> Iterator[Path]:
    """The folders of the control group of this process and of those that it is in, innermost first."""
    top = root / "sys/fs/cgroup"
    text = read(root / "proc/self/cgroup")
    found = re.search(r"^0::/(.*)$", text or "", re.MULTILINE)
    if found is None:
        return
    own = top / found[1]
    yield from (each for each in (own, *own.parents) if each.is_relative_to(top))


def memory_limit(group: Path) -> int | None:
    """The limit of a group in bytes; None without one."""
    limit = (read(group / "memory.max") or "max").strip()
    return None if limit == "max" else int(limit)


def processor_limit(group: Path) -> float | None:
    """The processors of the quota of a group; None without one."""
    quota, _, period = (read(group / "cpu.max") or "max").strip().partition(" ")
    return None if quota == "max" else int(quota) / int(period)


def digest(root: Path = ROOT) -> str:
    """Differs between processes that do not share what limits them; empty without limits.

    It depends on the innermost control group that has a limit, and on the set of processors if that
    does not have all of the host.
    """
    limiting = []
    for group in groups(root):
        if memory_limit(group) is not None or processor_limit(group) is not None:
            # By its number, since groups of two containers may have the same path.
            limiting.append(f"group {group.stat().st_ino}")
            break
    processors = os.sched_getaffinity(0)
    if len(processors) < (os.cpu_count() or 1):
        limiting.append(f"processors {sorted(processors)}")
    return hashlib.sha256(repr(limiting).encode()).hexdigest()[:16] if limiting else ""


def read(file: Path) -> str | None:
    """The content of a file; None if there is none."""
    try:
        return file.read_text()
    except OSError:
        return None
