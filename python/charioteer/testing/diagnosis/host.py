"""The host: memory, disks and processors that the machines need, and machines without an answer."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from charioteer.testing.diagnosis.answer import Host
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "host"
_LEAST_MEMORY = 5
_LEAST_SPACE = 64 * 1024 * 1024
# In percent of 10 s.
_MUCH_WAITING = 60.0
_LONGEST_FACTOR = 4.0


def look(folders: list[Path]) -> Host:
    """The state of the host; `folders` are those that the run writes to."""
    sizes = {}
    for line in _read("/proc/meminfo").split("\n"):
        name, _, size = line.partition(":")
        if name in ("MemTotal", "MemAvailable"):
            sizes[name] = int(size.split()[0])
    full = []
    for folder in folders:
        try:
            left = shutil.disk_usage(folder).free
        except OSError:
            continue
        if left < _LEAST_SPACE:
            full.append(f"{folder} ({left // 1024 // 1024} MiB left)")
    return Host(sizes.get("MemAvailable"), sizes.get("MemTotal"), tuple(full), _pressure())


def slowness() -> float:
    """How many times longer than usual work takes on this host now: 1 to 4, by its load average."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return 1.0
    return min(max(load / (os.cpu_count() or 1), 1.0), _LONGEST_FACTOR)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _pressure() -> float | None:
    for word in _read("/proc/pressure/cpu").split():
        if word.startswith("avg10="):
            return float(word.removeprefix("avg10="))
    load, processors = _read("/proc/loadavg").split()[:1], os.cpu_count() or 1
    return 100 * (1 - processors / float(load[0])) if load and float(load[0]) > processors else None


def findings(case: Case) -> Iterator[Finding]:
    host = case.host
    for folder in host.full_folders:
        yield Finding(f"the host's disk is full: {folder}", Severity.FATAL, SOURCE)
    if host.free_memory is not None and host.memory and (
        host.free_memory * 100 < host.memory * _LEAST_MEMORY
    ):  # fmt: skip
        yield Finding(
            f"the host's memory is nearly exhausted: {host.free_memory // 1024} of "
            f"{host.memory // 1024} MiB are available", Severity.ODD, SOURCE,
        )  # fmt: skip
    if host.waiting_share is not None and host.waiting_share > _MUCH_WAITING:
        yield Finding(
            f"the host's processors are overloaded: tasks waited {host.waiting_share:.0f} % of the "
            "last 10 s",
            Severity.ODD if "timed out" in case.request.error else Severity.NOTE, SOURCE,
        )  # fmt: skip
    emulated = [each.machine for each in case.answers.values() if each.outside.is_emulated]
    if emulated:
        yield Finding(
            f"without KVM the guests are about 10 times slower: {', '.join(emulated)}",
            Severity.NOTE, SOURCE,
        )  # fmt: skip
    for machine, reason in case.silent.items():
        answer = case.answers.get(machine)
        if answer is not None and (answer.outside.has_ended or not answer.outside.console):
            continue
        console = answer.outside.console if answer else ()
        yield Finding(
            f"it does not answer: {reason}", Severity.ODD, SOURCE, machine, console[-3:],
            frozenset([machine]),
        )  # fmt: skip
