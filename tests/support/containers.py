"""Whether this host supports containers, and a lock for their use."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = Path("/run/lock/charioteer-containers")


def why_no_containers() -> str:
    """Why this host does not support containers; empty if it does."""
    if os.geteuid() != 0:
        return "systemd-nspawn requires root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun does not exist, or cannot be opened"
    for program in ("systemd-nspawn", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    probe = "mount -t cgroup2 none /sys/fs/cgroup && ip netns list"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", probe], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"no control groups or namespaces: {done.stderr}"


@contextmanager
def only_containers() -> Iterator[None]:
    """Waits until no other test on this host uses containers; within the block, others wait.

    Bridges, interfaces and network namespaces are named after VLANs and containers, so those of two
    runs would collide.
    """
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
