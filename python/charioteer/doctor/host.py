"""Checks of what machines need to run: QEMU, processors, memory, disk."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from charioteer import paths
from charioteer.doctor.check import Check, limited, missing, passed
from charioteer.errors import BuildError
from charioteer.images import apt, firmware

_GOOD_QEMU = 8
"""The first major version under whose TCG current kernels boot reliably."""
_MEMORY = 2 << 30
_DISK = 2 << 30
_LIMIT = 10.0
"""Seconds for a program that shows its version."""


def qemu() -> Check:
    name = "QEMU"
    program = shutil.which("qemu-system-x86_64")
    cure = apt.INSTALL_QEMU
    if program is None:
        return missing(name, "qemu-system-x86_64 is not installed", cure)
    shown = output_of([program, "--version"])
    version = re.search(r"version (\d+)\.(\S+)", shown)
    if version is None:
        return missing(name, f"{program} does not run: {shown or 'no output'}", cure)
    found = f"{version[1]}.{version[2]} ({program})"
    if int(version[1]) < _GOOD_QEMU:
        bug = "without KVM it crashes one guest kernel in six at boot"
        return limited(name, f"{found}; {bug}", cure)
    return passed(name, found)


def disk_images() -> Check:
    return of_programs(
        "disk images", {"qemu-img": "qemu-utils"}, "guests with a disk cannot be started"
    )


def cores() -> Check:
    count = len(os.sched_getaffinity(0))
    text = "one processor" if count == 1 else f"{count} processors"
    if count == 1:
        return limited("processors", f"{text}, which all machines share", "use a larger host")
    return passed("processors", text)


def memory(meminfo: Path = Path("/proc/meminfo")) -> Check:
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
    available = int(found[1]) << 10 if found else 0
    text = f"{_size(available)} available"
    if available < _MEMORY:
        needs = "guests take 256 MB (minimal) to 2 GB each"
        cure = "end other programs, or set `memory` of the machines in the cluster file"
        return limited("memory", f"{text}; {needs}", cure)
    return passed("memory", text)


def disk() -> list[Check]:
    """Of the folders of images and of the machines' state."""
    return [
        _space("disk for images", paths.cache(), "CHARIOTEER_CACHE"),
        _space("disk for state", Path(tempfile.gettempdir()), "TMPDIR"),
    ]


def _space(name: str, folder: Path, variable: str) -> Check:
    cure = f"set {variable} to another folder"
    # os.path.exists is false for what the user may not see; Path.exists raises then.
    existing = next(each for each in (folder, *folder.parents) if os.path.exists(each))
    if not existing.is_dir():
        return missing(name, f"{existing} is not a folder", cure)
    if not os.access(existing, os.W_OK | os.X_OK):
        return missing(name, f"{folder} is not writable by this user", cure)
    free = shutil.disk_usage(existing).free
    text = f"{_size(free)} free in {folder}"
    if free < _DISK:
        found = f"{text}; a guest with a disk takes some hundred MB"
        return limited(name, found, f"free some space, or {cure}")
    return passed(name, text)


def efi() -> Check:
    try:
        return passed("EFI firmware", str(firmware.find_ovmf().code))
    except BuildError as error:
        return limited("EFI firmware", str(error), "apt-get install ovmf, or make deps")


def tpm() -> Check:
    return of_programs("TPM", {"swtpm": "swtpm"}, "machines with `tpm` cannot be started")


def containers() -> Check:
    name = "containers"
    if os.geteuid() != 0:
        return limited(name, "containers need root", "run tests with containers by sudo")
    tools = {"systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
    return of_programs(name, tools, "tests with containers cannot run")


def of_programs(name: str, tools: dict[str, str], effect: str) -> Check:
    """Whether programs, for which `tools` names the packages, are installed; `effect` if not."""
    try:
        apt.require(tools)
    except BuildError:
        lacking = [each for each in tools if shutil.which(each) is None]
        packages = " ".join(sorted({tools[each] for each in lacking}))
        found = f"{', '.join(lacking)}: not installed; {effect}"
        return limited(name, found, f"apt-get install {packages}, or make deps")
    return passed(name, ", ".join(tools))


def output_of(command: list[str]) -> str:
    """The first line that a program prints, or why it cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def _size(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB"
