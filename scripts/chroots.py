"""Chroots of Debian's releases, in which the project is built; used by the programs of this folder."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from steps import ROOT

sys.path.insert(0, str(ROOT / "python"))

from charioteer import folders, paths  # noqa: E402
from charioteer.images import apt, progress, store  # noqa: E402

TOOLS = {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "setpriv": "util-linux"}
# Makes the file systems of the kernel visible in the chroot $1, and runs the other arguments.
_MOUNT = """
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount --rbind /dev "$1/dev"
shift
"$@" || exit $?
"""
# Creates the folders on which in-chroot mounts the source and the compiler cache.
_HOOK = '--customize-hook=mkdir "$1/source" "$1/ccache"'
# in-chroot needs them.
_PACKAGES = ("iproute2", "mount")


@dataclass(frozen=True)
class Chroot:
    """What a chroot is made of: a release, packages, and options for mmdebstrap."""

    suite: str
    packages: tuple[str, ...]
    options: tuple[str, ...] = ()

    def make(self, root: Path, log: Path) -> None:
        """Makes it as the folder `root`; `log` gets mmdebstrap's output. Raises BuildError."""
        packages = (*self.packages, *_PACKAGES)
        apt.bootstrap(self.suite, "apt", packages, root, log, (*self.options, _HOOK))


@contextmanager
def kept(chroot: Chroot, name: str, fresh: bool) -> Iterator[Path]:
    """The root folder of the chroot, which is kept in the cache of guests' images as `name`.

    It is made if it does not exist, if `chroot` has changed, or if `fresh`. Raises BuildError.
    """
    parts = (chroot.suite, *chroot.packages, *_PACKAGES, *chroot.options, _HOOK)
    wanted = f"chroot-{name}-{store.digest(part.encode() for part in parts)}"
    for old in paths.cache().glob(f"chroot-{name}-*"):
        if old.is_dir() and not old.suffix and (fresh or old.name != wanted):
            folders.remove(old)

    def make(folder: Path) -> None:
        step.show(f"{len(chroot.packages)} packages and their dependencies")
        chroot.make(folder / "root", store.log_of(folder.name))

    with progress.Step(f"chroot of {name}") as step:
        folder = store.obtain(wanted, make, lambda: step.show("waiting for another run"))
    with folders.in_use(folder):
        yield folder / "root"


def compiler_cache() -> Path:
    """The folder of the host's compiler cache; creates it if it does not exist."""
    command = ["ccache", "--get-config", "cache_dir"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        folder = Path(done.stdout.strip())
    except (OSError, subprocess.CalledProcessError):
        folder = paths.cache() / "ccache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def command_in(root: Path, build: Path, command: Sequence[str]) -> list[str]:
    """The command that runs `command` in the chroot `root`, on the project's source, without network.

    `build`, which is created, is the folder build/ of the source there, and the only one that can be
    written to. Requires root.
    """
    # The mount point, which cannot be created in the chroot, where the source is read-only.
    build.mkdir(parents=True, exist_ok=True)
    enter = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]
    enter += ["--kill-child", "--net"]
    enter += ["scripts/in-chroot", str(root), str(ROOT), str(build), str(compiler_cache())]
    return [*enter, *command]


def command_beside(root: Path, command: Sequence[str]) -> list[str]:
    """The command that runs `command` on the host, while the chroot `root` has /proc, /sys and /dev.

    Mounts and processes end with it. Requires root.
    """
    enter = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]
    enter += ["--kill-child", "--mount-proc", "sh", "-euc", _MOUNT, "sh", str(root)]
    return [*enter, *command]
