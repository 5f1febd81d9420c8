"""Whether this host can have containers, and who has them."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = Path("/run/lock/charioteer-containers")


def why_no_containers() -> str:
    """Why this host has no containers; empty when it has."""
    if os.geteuid() != 0:
        return "systemd-nspawn requires root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun"
    for program in ("systemd-nspawn", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    probe = "mount -t cgroup2 none /sys/fs/cgroup && ip netns list"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", probe], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"no control groups or namespaces: {done.stderr}"


@contextmanager
def only_containers() -> Iterator[None]:
    """Waits until no other test of this host has containers.

    Bridges, interfaces and network namespaces have the names of VLANs and of containers, whichever
    run they belong to.
    """
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
