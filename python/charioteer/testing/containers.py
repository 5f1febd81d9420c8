"""The host's part of containers: control groups, and network interfaces of the VLANs."""

import errno
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from charioteer.testing.errors import MachineError
from charioteer.testing.faults.groups import Pair
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import NspawnMachine
from charioteer.testing.vlan import VLan

# ioctls of linux/sockios.h.
_SIOCSIFFLAGS = 0x8914
_SIOCGIFHWADDR = 0x8927
_SIOCBRDELBR = 0x89A1
_SIOCBRADDIF = 0x89A2
_IFF_UP = 1
_CLONE_NEWNET = 0x40000000


class OpenVLan(VLan):
    """A VLAN that containers can join through a network interface. Requires root."""

    def __init__(
        self, nr: int, tmp_dir: Path, logger: AbstractLogger, *, exports: bool = True
    ) -> None:
        # Upstream's name, by which its start scripts find it and attach it to the bridge.
        self.tap = f"vde-tap{nr}"
        super().__init__(nr, tmp_dir, logger, exports=exports)
        self._containers: set[str] = set()  # that have joined

    def name(self, addresses: Mapping[str, str]) -> None:
        """Declares which container has an Ethernet address, so that faults and captures find it."""
        for address, container in addresses.items():
            self.handle.name_address(address, container)

    def name_container(self, addresses: Iterable[str], container: str) -> bool:
        """Declares that the addresses are of `container`. Whether that was possible; if not, warns.

        Only faults and captures need the names, so the container runs in any case.
        """
        if self._is_stopped:
            return False
        try:
            self.name(dict.fromkeys(addresses, container))
        except (MachineError, TimeoutError) as error:
            self.logger.warning(
                f"{self._owner}: faults and captures do not find {container}: {error}"
            )
            return False
        return True

    def join(self, machine: NspawnMachine) -> None:
        """Attaches the interface to the bridge that start scripts create, if the bridge exists.

        The faults of the VLAN find `machine`, which runs, by its addresses.
        """
        bridge = f"br{self.nr}"
        if not Path(f"/sys/class/net/{bridge}").exists():
            return
        attach(self.tap, bridge)
        _set_up(self.tap, True)
        try:
            found = addresses_of(f"/proc/{machine.get_systemd_process}/ns/net")
        except OSError as error:
            # Only faults need them.
            self.logger.warning(f"{self._owner}: faults do not find {machine.name}: {error}")
            return
        if self.name_container(found, machine.name):
            self._containers.add(machine.name)

    def _check_links(self, verb: str, links: Sequence[Pair]) -> None:
        for pair in links:
            if self._containers.issuperset(pair):
                raise ValueError(
                    f"{self._owner}.{verb}: frames between the containers {pair[0]} and {pair[1]} do "
                    "not pass the driver, so faults cannot touch them"
                )

    def stop(self) -> None:
        super().stop()
        # The start scripts leave the bridge in place while the interface is attached to it.
        members = Path(f"/sys/class/net/br{self.nr}/brif")
        if members.is_dir() and not any(members.iterdir()):
            _set_up(f"br{self.nr}", False)
            _ioctl(_SIOCBRDELBR, struct.pack("16s", f"br{self.nr}".encode()))


def join_all(vlans: Iterable[VLan], machine: NspawnMachine) -> None:
    """Connects the VLANs with a container that has just started."""
    for vlan in vlans:
        if isinstance(vlan, OpenVLan):
            vlan.join(machine)


class EarlyNames:
    """Names the addresses of a starting container as soon as its start script has made them.

    The network of a container exists before its systemd, and frames come from it before that is ready.
    """

    def __init__(self, vlans: Iterable[VLan], container: str) -> None:
        self._vlans = [each for each in vlans if isinstance(each, OpenVLan)]
        self._container = container
        self._named: set[str] = set()

    def look(self) -> None:
        """To be called again and again until the container is ready."""
        try:
            # Upstream's name for it, too.
            found = set(addresses_of(f"/run/netns/nixos-nspawn-{self._container}"))
        except OSError:
            return  # there is none yet, or another start script calls it otherwise
        new = found - self._named
        if new:
            self._vlans = [
                each for each in self._vlans if each.name_container(new, self._container)
            ]
        self._named |= found


def addresses_of(network: str) -> list[str]:
    """The Ethernet addresses in the network that the file `network` stands for. Raises OSError."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    # In a thread of its own, which alone enters that network, and ends.
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(_addresses_in, network).result()


def _addresses_in(path: str) -> list[str]:
    """Moves the calling thread into the network."""
    import ctypes  # slow to import

    with open(path) as network:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(network.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the network {path}")
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _index, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            found.append(fcntl.ioctl(any_socket, _SIOCGIFHWADDR, request)[18:24])
    # The loopback interface has none.
    return [each.hex(":") for each in found if any(each)]


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


def _set_up(interface: str, is_up: bool) -> None:
    _ioctl(_SIOCSIFFLAGS, struct.pack("16sh22x", interface.encode(), _IFF_UP if is_up else 0))


def _ioctl(request: int, argument: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, request, argument)
