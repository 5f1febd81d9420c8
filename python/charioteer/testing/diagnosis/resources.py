"""Memory, disks and files that are exhausted."""

import re
from collections.abc import Iterator

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity
from charioteer.testing.journal import Entry

SOURCE = "resources"
_KILLED = re.compile(
    r"(Out of memory|Memory cgroup out of memory): Killed process (\d+) \(([^)]*)\)"
)
_GROUP = re.compile(r"oom-kill:.*task_memcg=\S*/([\w@:.-]+\.(?:service|scope)),")
_REMOUNTED = re.compile(
    r"(EXT4|XFS|BTRFS).*(?:Remounting filesystem read-only|error|shut down)", re.I
)
_WRITABLE = ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs")
_TOO_MANY = re.compile(r"too many open files", re.I)
# In percent of all, except the space in KiB.
_FULL, _LEAST_SPACE = 98, 1024
_LEAST_MEMORY = 3
_VMSTAT, _PRESSURE = "/proc/vmstat", "/proc/pressure/memory"
_PAGE = 4
"""KiB; of larger pages there are fewer."""
_MUCH_WAITING = 20.0
"""Percent of 10 s."""
_MOST_FILES = 95


def findings(case: Case) -> Iterator[Finding]:
    for answer in case.answers.values():
        yield from _of_kills(answer)
        yield from _of_disks(answer, case)
        yield from _of_memory(answer)
        yield from _of_swapping(answer)
        yield from _of_files(answer)
        yield from _of_read_only(answer, case)


def _of_kills(answer: Answer) -> Iterator[Finding]:
    unit = ""
    for entry in _logged(answer):
        if match := _GROUP.search(entry.text):
            unit = match[1]
        if match := _KILLED.search(entry.text):
            limit = " at the limit of its unit" if match[1].startswith("Memory cgroup") else ""
            yield Finding(
                f"memory is exhausted{limit}: the OOM killer ended {match[3]} (pid {match[2]})",
                Severity.FATAL, SOURCE, answer.machine, (entry.line(),),
                frozenset(each for each in (match[3], f"{match[3]}.service", unit) if each), entry.age,
            )  # fmt: skip


def _logged(answer: Answer) -> list[Entry]:
    """The kernel's messages, from its buffer or from the journal."""
    return answer.kernel or [each for each in answer.journal if each.identifier == "kernel"]


def _of_disks(answer: Answer, case: Case) -> Iterator[Finding]:
    """Full file systems, and those without a free inode."""
    for section, what in (("disks", "space"), ("inodes", "inodes")):
        for line in answer.lines(section)[1:]:
            words = line.split()
            if len(words) < 6 or not words[4].rstrip("%").isdecimal() or not words[3].isdecimal():
                continue
            used, left, place = int(words[4].rstrip("%")), int(words[3]), words[5]
            kind = _type_of(answer, place)
            if used < _FULL or kind in ("squashfs", "erofs", "iso9660", "overlay", "devtmpfs"):
                continue
            if what == "space" and left > max(_LEAST_SPACE, int(words[1]) // 100):
                continue
            text = f"the file system {place} is full" if what == "space" else (
                f"the file system {place} has no free inodes"
            )  # fmt: skip
            yield Finding(
                f"{text} ({used} % in use)", Severity.FATAL, SOURCE, answer.machine, (line,),
                _about(answer, place, case),
            )  # fmt: skip


def _about(answer: Answer, place: str, case: Case) -> frozenset[str]:
    """The file system, and those files of the step that are on it."""
    places = {words[1] for words in _mounts(answer)} | {place}

    def holds(folder: str, file: str) -> bool:
        return file == folder or file.startswith(folder.rstrip("/") + "/")

    on_it = (
        file
        for file in case.request.subjects.files
        if answer is case.failed
        and max((p for p in places if holds(p, file)), key=len, default="") == place
    )
    return frozenset([place, *on_it])


def _type_of(answer: Answer, place: str) -> str:
    return next((words[2] for words in _mounts(answer) if words[1] == place), "")


def _mounts(answer: Answer) -> list[list[str]]:
    lines = (each.split() for each in answer.files.get("/proc/mounts", "").split("\n"))
    return [words for words in lines if len(words) >= 4]


def _sizes(answer: Answer) -> dict[str, int]:
    """The values of /proc/meminfo, in KiB."""
    text = answer.files.get("/proc/meminfo", "")
    return {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+)", text, re.MULTILINE)}


def _of_memory(answer: Answer) -> Iterator[Finding]:
    sizes = _sizes(answer)
    total, left = sizes.get("MemTotal", 0), sizes.get("MemAvailable")
    if left is not None and total and left * 100 < total * _LEAST_MEMORY:
        yield Finding(
            f"memory is nearly exhausted: {left // 1024} of {total // 1024} MiB are available",
            Severity.ODD, SOURCE, answer.machine, (f"MemAvailable: {left} kB",),
        )  # fmt: skip


def _of_swapping(answer: Answer) -> Iterator[Finding]:
    """Whether processes wait for memory, by the kernel's pressure information, or else by the number of
    pages that went to swap space since the boot.
    """
    sizes = _sizes(answer)
    swap, left = sizes.get("SwapTotal", 0), sizes.get("SwapFree", 0)
    moved = _PAGE * sum(
        int(count)
        for count in re.findall(
            r"^pswp(?:in|out) (\d+)", answer.files.get(_VMSTAT, ""), re.MULTILINE
        )
    )
    pressure = answer.files.get(_PRESSURE, "")
    waited = re.search(r"^some avg10=([\d.]+)", pressure, re.MULTILINE)
    used = f"{(swap - left) // 1024} of {swap // 1024} MiB of swap space are in use"
    if waited and float(waited[1]) >= _MUCH_WAITING:
        does = "the guest swaps" if swap > left else "the guest reads its programs again and again"
        yield Finding(
            f"{does}: processes waited for memory {float(waited[1]):.0f} % of the last 10 s",
            Severity.ODD, SOURCE, answer.machine,
            (f"{_PRESSURE}: {waited[0]}", *([used] if swap else [])),
        )  # fmt: skip
    elif not waited and swap > left and moved > sizes.get("MemTotal", 0):
        yield Finding(
            f"the guest has swapped {moved // 1024} MiB since its boot, more than its memory",
            Severity.ODD, SOURCE, answer.machine, (used,),
        )  # fmt: skip


def _of_files(answer: Answer) -> Iterator[Finding]:
    words = answer.files.get("/proc/sys/fs/file-nr", "").split()
    if len(words) == 3 and int(words[0]) * 100 >= int(words[2]) * _MOST_FILES:
        yield Finding(
            f"{words[0]} files are open, of at most {words[2]} in the whole system",
            Severity.FATAL, SOURCE, answer.machine, (f"/proc/sys/fs/file-nr: {' '.join(words)}",),
        )  # fmt: skip
    for entry in answer.journal:
        if _TOO_MANY.search(entry.text):
            who = entry.unit or entry.identifier
            yield Finding(
                f"{who} has reached its limit of open files (ulimit -n, LimitNOFILE)",
                Severity.FATAL, SOURCE, answer.machine, (entry.line(),), frozenset([who]), entry.age,
            )  # fmt: skip


def _of_read_only(answer: Answer, case: Case) -> Iterator[Finding]:
    for device, place, kind, options, *_ in _mounts(answer):
        if kind in _WRITABLE and "ro" in options.split(",") and place != "/nix/store":
            logged = [each for each in _logged(answer) if _REMOUNTED.search(each.text)]
            name = "the root file system" if place == "/" else f"the file system {place}"
            yield Finding(
                f"{name} is read-only", Severity.FATAL if place == "/" or logged else Severity.ODD,
                SOURCE, answer.machine,
                (*(each.line() for each in logged[-2:]), f"{device} {place} {kind} {options}"),
                _about(answer, place, case), logged[-1].age if logged else None,
            )  # fmt: skip
