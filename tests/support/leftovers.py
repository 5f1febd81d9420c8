"""Finds leftovers of a run: processes that refer to its folder, and sockets and locks in it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from support.patience import until


def processes_of(folder: Path) -> dict[int, str]:
    """Id and command line of all processes whose arguments or environment name `folder`."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes()
            known = arguments + b"\0".join(
                each
                for each in (entry / "environ").read_bytes().split(b"\0")
                # The environment of machines of another driver in this process names all VLANs.
                if not each.startswith((b"QEMU_VDE_SOCKET_", b"CHARIOTEER_VLAN_SOCKET_"))
            )
        except OSError:  # the process has ended, or is a kernel thread
            continue
        if str(folder).encode() in known:
            found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace")
    return found


def qemus_of(folder: Path) -> list[int]:
    """Ids of QEMU processes, real or fake, whose arguments name a socket in `folder`."""
    return [
        pid
        for pid, arguments in processes_of(folder).items()
        if "qemu" in arguments and f"-monitor unix:{folder}" in arguments
    ]


def sockets_and_locks(folder: Path) -> list[Path]:
    def all_paths() -> Iterator[Path]:
        for parent, _, names in os.walk(folder):
            yield from (Path(parent) / name for name in names)

    def is_left(path: Path) -> bool:
        try:
            return path.name == "lock" or stat.S_ISSOCK(path.lstat().st_mode)
        except FileNotFoundError:
            return False

    return [path for path in all_paths() if is_left(path)]


def expect_nothing_left(folder: Path) -> None:
    """Waits until no process refers to `folder` and no socket or lock is in it."""
    until(
        lambda: not processes_of(folder) and not sockets_and_locks(folder),
        30,
        lambda: f"left behind: {processes_of(folder)} {sockets_and_locks(folder)}",
    )
