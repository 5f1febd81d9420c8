"""Whether this host can have containers."""

import os
import shutil
import subprocess


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
