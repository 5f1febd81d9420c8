"""Scripts that run in a guest's tree when its image is made, and not on every machine."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import apt, tool
from charioteer.images.progress import Step

_SCRIPT = "/charioteer-prepare"
# mmdebstrap only unpacks the existing tree: it installs nothing and changes no file.
_SKIPPED = "check/empty,check/signed-by,setup,update,cleanup/apt,cleanup/mmdebstrap"
_SKIPPED += ",cleanup/reproducible"
# Only root can create device nodes, also by unpacking them. mmdebstrap adds them to a tree that it packs,
# so it does that only for the last one.
_WITHOUT_DEVICES = "--skip=output/dev"
# The script has its own process and network namespaces, so that it may listen on any port and none of
# its processes stays. They end with `unshare`, which --foreground keeps in our process group. The
# devices are those of the host, since users cannot create any.
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
        exec chroot "$1" {script}
    ' - "$1" </dev/null
    status=$?
    [ $status -ne 124 ] || echo "it exceeded its limit of {limit} s"
    rm "$1{script}"
    exit $status
"""


@dataclass(frozen=True)
class Preparation:
    """A script, what it prepares, and its time limit in seconds."""

    what: str
    script: Path
    limit: int


def bootstrap_options(preparations: Sequence[Preparation]) -> list[str]:
    """Options of mmdebstrap for the tree that the preparations start from."""
    return [_WITHOUT_DEVICES] if preparations else []


def run(preparations: Sequence[Preparation], packages: Path, log: Path, step: Step) -> None:
    """Runs the scripts as root in the tree of the tar `packages`, and replaces it by the result.

    The tree must have been made with bootstrap_options(). mmdebstrap unpacks it, which works without
    root for users with subordinate user ids. Raises BuildError.
    """
    for preparation in preparations:
        step.show(f"preparing {preparation.what}")
        apt.require(apt.TOOLS | {"unshare": "util-linux", "ip": "iproute2"})
        result = packages.with_suffix(".prepared")
        hooks = [
            f"--setup-hook=tar-in {shlex.quote(str(packages))} /",
            f"--customize-hook=upload {shlex.quote(str(preparation.script))} {_SCRIPT}",
            f'--customize-hook=chmod 755 "$1{_SCRIPT}"',
            f"--customize-hook={_RUN.format(limit=preparation.limit, script=_SCRIPT)}",
        ]
        if preparation is not preparations[-1]:
            hooks.append(_WITHOUT_DEVICES)
        command = ["mmdebstrap", "--variant=custom", "--format=tar", f"--skip={_SKIPPED}", *hooks]
        if tool.run([*command, "", str(result)], log) != 0:
            raise BuildError(_explain(preparation, log), log)
        result.replace(packages)


def _explain(preparation: Preparation, log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    # The script's own lines, if there are any; those with a prefix are mmdebstrap's.
    of_script = [line for line in lines if not line.startswith(("I: ", "E: ", "W: "))]
    last = " / ".join((of_script or lines or ["no output"])[-2:])
    return f"preparing {preparation.what} failed: {last} (whole log: {log})"
