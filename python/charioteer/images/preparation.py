"""Scripts that run in a guest's tree when its image is made, so that not every machine has to."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import apt, tool
from charioteer.images.progress import Step

_PLACE = "/charioteer-prepare"
# The tree is there: nothing is installed, and none of its files is written anew.
_SKIPPED = "check/empty,check/signed-by,setup,update,cleanup/apt,cleanup/mmdebstrap"
_SKIPPED += ",cleanup/reproducible"
# Only root can create device nodes, also when a tree is unpacked. mmdebstrap adds them to a tree that it
# packs, which is therefore to happen only to the last one.
_WITHOUT_DEVICES = "--skip=output/dev"
# Processes and a network of its own, so that it may listen on any port, and nothing of it stays. All
# end with `unshare`, which is in our process group thanks to --foreground. The devices are the host's,
# since users cannot create any.
_RUN = """
    timeout --foreground {limit} unshare --net --pid --mount --fork --kill-child sh -euc '
        mount -t proc proc "$1/proc"
        PATH=$PATH:/usr/sbin:/sbin ip link set lo up
        mkdir -p "$1/dev"
        mount -t tmpfs -o mode=755 tmpfs "$1/dev"
        for device in full null random tty urandom zero; do
            touch "$1/dev/$device"
            mount --bind "/dev/$device" "$1/dev/$device"
        done
        ln -s /proc/self/fd "$1/dev/fd"
        exec chroot "$1" {place}
    ' - "$1" </dev/null
    status=$?
    [ $status -ne 124 ] || echo "it was not done after {limit} s"
    rm "$1{place}"
    exit $status
"""


@dataclass(frozen=True)
class Preparation:
    """A script, what it prepares, and the seconds that it may take."""

    what: str
    script: Path
    limit: int


def bootstrap_options(preparations: Sequence[Preparation]) -> list[str]:
    """Options of mmdebstrap for the tree that the preparations start from."""
    return [_WITHOUT_DEVICES] if preparations else []


def run(preparations: Sequence[Preparation], packages: Path, log: Path, step: Step) -> None:
    """Runs the scripts, as root, in the tree in `packages`, a tar, and keeps what they leave.

    The tree has to be made with bootstrap_options(). mmdebstrap is what unpacks it, for users with a
    range of user numbers, too. Raises BuildError.
    """
    for preparation in preparations:
        step.now(f"preparing {preparation.what}")
        apt.require(apt.TOOLS | {"unshare": "util-linux", "ip": "iproute2"})
        result = packages.with_suffix(".prepared")
        hooks = [
            f"--setup-hook=tar-in {shlex.quote(str(packages))} /",
            f"--customize-hook=upload {shlex.quote(str(preparation.script))} {_PLACE}",
            f'--customize-hook=chmod 755 "$1{_PLACE}"',
            f"--customize-hook={_RUN.format(limit=preparation.limit, place=_PLACE)}",
        ]
        if preparation is not preparations[-1]:
            hooks.append(_WITHOUT_DEVICES)
        command = ["mmdebstrap", "--variant=custom", "--format=tar", f"--skip={_SKIPPED}", *hooks]
        if tool.run([*command, "", str(result)], log) != 0:
            raise BuildError(_explain(preparation, log))
        result.replace(packages)


def _explain(preparation: Preparation, log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    # What mmdebstrap writes is about itself, unless there is nothing else.
    own = [line for line in lines if not line.startswith(("I: ", "E: ", "W: "))]
    last = " / ".join((own or lines or ["no output"])[-2:])
    return f"preparing {preparation.what} failed: {last} (all of it: {log})"
