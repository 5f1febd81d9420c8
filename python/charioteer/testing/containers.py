"""The host's part of containers: control groups, and network interfaces of the VLANs."""

import errno
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from charioteer.testing.errors import MachineError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import NspawnMachine
from charioteer.testing.vlan import VLan

# ioctls of linux/sockios.h.
_SIOCSIFFLAGS = 0x8914
_SIOCBRDELBR = 0x89A1
_SIOCBRADDIF = 0x89A2
_IFF_UP = 1


class OpenVLan(VLan):
    """A VLAN that containers can join through a network interface. Requires root."""

    def __init__(self, nr: int, tmp_dir: Path, logger: AbstractLogger) -> None:
        # Upstream's name, by which its start scripts find it and attach it to the bridge.
        self.tap = f"vde-tap{nr}"
        super().__init__(nr, tmp_dir, logger)

    def join(self) -> None:
        """Attaches the interface to the bridge that start scripts create, if the bridge exists."""
        bridge = f"br{self.nr}"
        if not Path(f"/sys/class/net/{bridge}").exists():
            return
        attach(self.tap, bridge)
        _set_up(self.tap, True)

    def stop(self) -> None:
        super().stop()
        # The start scripts leave the bridge in place while the interface is attached to it.
        members = Path(f"/sys/class/net/br{self.nr}/brif")
        if members.is_dir() and not any(members.iterdir()):
            _set_up(f"br{self.nr}", False)
            _ioctl(_SIOCBRDELBR, struct.pack("16s", f"br{self.nr}".encode()))


def attach(interface: str, bridge: str) -> None:
    """Attaches the interface to the bridge; does nothing if it is attached to a bridge already.

    Containers start in parallel, and a start script may attach it first.
    """
    index = socket.if_nametoindex(interface)
    try:
        _ioctl(_SIOCBRADDIF, struct.pack("16si20x", bridge.encode(), index))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise


def prepare_host() -> None:
    """Checks that containers can be started here; sets up the sandbox of a Nix build for them.

    Raises AssertionError unless run by root, MachineError for other missing requirements.
    """
    assert os.geteuid() == 0, f"systemd-nspawn requires root to work. You are {os.geteuid()}"
    if shutil.which("nsenter") is None:
        raise MachineError("containers need nsenter, of util-linux")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        what = "cannot be opened" if os.path.exists("/dev/net/tun") else "does not exist"
        raise MachineError(f"containers reach VLANs by a tap device, and /dev/net/tun {what}")
    if "NIX_BUILD_TOP" in os.environ and "IN_NIX_SHELL" not in os.environ:
        _prepare_sandbox()


def _prepare_sandbox() -> None:
    if not os.access("/run", os.W_OK):
        Path("/run").mkdir(exist_ok=True)
        _run("mount", "-t", "tmpfs", "none", "/run")
    Path("/run/netns").mkdir(parents=True, exist_ok=True)
    if not os.path.exists("/var/run"):
        Path("/var").mkdir(exist_ok=True)
        os.symlink("/run", "/var/run")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    if not any(mount[1:3] == ["/sys/fs/cgroup", "cgroup2"] for mount in mounts):
        Path("/sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
    Path("/etc/os-release").touch()
    identity = Path("/etc/machine-id")
    if not identity.exists() or identity.stat().st_size == 0:
        _run("systemd-machine-id-setup")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise MachineError(f"preparing the host for containers: {command}: {done.stderr.strip()}")


def release_all(machines: Sequence[NspawnMachine]) -> list[str]:
    """Ends all containers in parallel; returns the messages of errors."""
    errors: list[str] = []

    def release(machine: NspawnMachine) -> None:
        try:
            machine.release()
        except Exception as error:  # the others must be ended nevertheless
            errors.append(f"Error during cleanup of {machine.name}: {error}")

    threads = [threading.Thread(target=release, args=(machine,)) for machine in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def _set_up(interface: str, is_up: bool) -> None:
    _ioctl(_SIOCSIFFLAGS, struct.pack("16sh22x", interface.encode(), _IFF_UP if is_up else 0))


def _ioctl(request: int, argument: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, request, argument)
