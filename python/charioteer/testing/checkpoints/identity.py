"""What a checkpoint is valid for: the start scripts, QEMU, images, and the host's virtualisation."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from charioteer import paths
from charioteer.testing.checkpoints import store
from charioteer.testing.checkpoints.calls import Places

_PATH = re.compile(r"(?<![\w./-])/(?:[^\s'\"`;&|<>()\\,=:{}$*?]+)")
_QEMU = re.compile(r"(?<![\w./-])(qemu-(?:system-[\w-]+|kvm))\b")
# Variables that start scripts pass to QEMU, and those of the driver that change the machine.
_VARIABLES = ("QEMU_OPTS", "QEMU_NET_OPTS", "QEMU_KERNEL_PARAMS", "NIX_DISK_IMAGE")
_OF_THE_DRIVER = ("CHARIOTEER_ACCEL", "CHARIOTEER_CHANNEL")
_DIGESTS = "digests.json"

Team = Mapping[str, Any]


def of_team(start_commands: Mapping[str, str], places: Places) -> Team:
    """What the checkpoints of machines with these start commands, by name, are valid for."""
    digests = _Digests()
    machines = {
        name: _of_machine(command, places, digests) for name, command in start_commands.items()
    }
    digests.save()
    variables = {name: os.environ.get(name) for name in (*_VARIABLES, *_OF_THE_DRIVER)}
    return {"machines": machines, "variables": variables, "host": _of_host()}


def difference(recorded: Team, now: Team) -> str | None:
    """Why checkpoints of `recorded` are not valid now, for a message; None when they are.

    `recorded` may be damaged.
    """
    if not _is_complete(recorded):
        return "the record does not describe the machines"
    if recorded["host"] != now["host"]:
        return "they were made with another processor or accelerator"
    for name, value in now["variables"].items():
        if recorded["variables"].get(name) != value:
            return f"the variable {name} was {recorded['variables'].get(name)!r}, and is {value!r}"
    machines, others = now["machines"], recorded["machines"]
    if changed := sorted(machines.keys() ^ others.keys()):
        return f"the machines are others: {', '.join(changed)} is new or gone"
    for name, machine in machines.items():
        if machine["script"] != others[name]["script"]:
            return f"the start script of {name} has changed"
        for file, digest in machine["files"].items():
            if others[name]["files"].get(file) != digest:
                return f"{file}, which {name} uses, has changed"
    return None


def _is_complete(recorded: Team) -> bool:
    """Whether it has what `of_team` returns."""
    match recorded:
        case {"machines": dict() as machines, "variables": dict(), "host": _}:
            return all(map(_is_complete_machine, machines.values()))
    return False


def _is_complete_machine(machine: Any) -> bool:
    match machine:
        case {"script": str(), "files": dict()}:
            return True
    return False


def _of_host() -> Any:
    """The processor matters only where guests run on it, not under emulation."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return None
    cpu = re.search(r"^model name.*", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return cpu[0] if cpu else None


def _of_machine(command: str, places: Places, digests: "_Digests") -> Any:
    text = command
    files: dict[str, str] = {}
    script = Path(command)
    if command.startswith("/") and script.is_file():
        text = script.read_text(errors="surrogateescape")
    for path in _files_of(text):
        files[places.neutral(str(path))] = digests.of(path)
    neutral = places.neutral(text).encode(errors="surrogateescape")
    return {"script": hashlib.sha256(neutral).hexdigest(), "files": files}


def _files_of(text: str) -> Iterator[Path]:
    """The files that a start script names, and the QEMU that it finds on the PATH."""
    for match in dict.fromkeys(_PATH.findall(text)):
        # /dev/null and the like are no files.
        if (path := Path(match)).is_file():
            yield path
    for name in dict.fromkeys(_QEMU.findall(text)):
        if found := shutil.which(name):
            yield Path(found)


class _Digests:
    """Hashes of files, which are kept in the store so that unchanged files are not read again."""

    def __init__(self) -> None:
        self._file = store.root() / _DIGESTS
        self._changed = False
        try:
            self._known: dict[str, list[Any]] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            self._known = {}

    def of(self, path: Path) -> str:
        """A hash of the content of `path`, or its name where equal names mean equal contents."""
        real = path.resolve()
        if real.is_relative_to("/nix/store") or real.is_relative_to(paths.cache()):
            return str(real)
        status = real.stat()
        stamp = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
        known = self._known.get(str(real))
        if known and known[:-1] == stamp:
            return str(known[-1])
        with real.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._known[str(real)] = [*stamp, digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Writes what is new. Does nothing where that fails: the hashes are computed again."""
        if not self._changed:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self._file.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(self._known))
            partial.rename(self._file)
        except OSError:
            pass
