"""The network identity of each machine of a cluster: its name, addresses and machine id."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from charioteer.images.cpio import Archive


@dataclass(frozen=True)
class NetworkIdentity:
    """The identity of one machine. `number` is the position of its name in sorted order, from 1."""

    name: str
    number: int
    vlans: Sequence[int]

    @property
    def primary_address(self) -> str | None:
        """The IPv4 address that the other machines' /etc/hosts has for it."""
        return self.ipv4(self.vlans[0]) if self.vlans else None

    @property
    def machine_id(self) -> str:
        """The content of /etc/machine-id: the same in every run."""
        return hashlib.md5(f"charioteer {self.name} {self.number}".encode()).hexdigest()

    def ipv4(self, vlan: int) -> str:
        return f"192.168.{vlan}.{self.number}"

    def ipv6(self, vlan: int) -> str:
        return f"2001:db8:{vlan}::{self.number}"

    def mac(self, vlan: int) -> str:
        return f"52:54:00:12:{vlan:02X}:{self.number:02X}"


def assign_identities(vlans: dict[str, Sequence[int]]) -> dict[str, NetworkIdentity]:
    """The identities of all machines of a cluster, from the VLANs of each."""
    return {
        name: NetworkIdentity(name, number, tuple(vlans[name]))
        for number, name in enumerate(sorted(vlans), 1)
    }


def boot_archive(
    identity: NetworkIdentity,
    all_identities: Sequence[NetworkIdentity],
    root_password: str,
    modules: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """An archive that Linux unpacks after the guest's initial file system, for its init script.

    `modules` are names and contents of what its kernel needs besides the guest's own, in order.
    """
    network = ["eth0 10.0.2.15 255.255.255.0"]
    for index, vlan in enumerate(identity.vlans, 1):
        addresses = f"{identity.ipv4(vlan)} 255.255.255.0 {identity.ipv6(vlan)}/64"
        network.append(f"eth{index} {addresses}")
    archive = Archive()
    for name, text in (
        ("hostname", identity.name),
        ("hosts", hosts_file(all_identities)),
        ("machine-id", identity.machine_id),
        ("network", "\n".join(network)),
    ):
        archive.add_file(f"/charioteer/{name}", f"{text}\n".encode())
    archive.add_file("/charioteer/password", root_password.encode(), 0o600)
    for index, (name, data) in enumerate(modules):
        # Sorted after the guest's own modules, whose names begin with a number.
        archive.add_file(f"/modules/own-{index:02}-{name}.ko", data)
    return archive.finish()


def hosts_file(all_identities: Sequence[NetworkIdentity]) -> str:
    """The content of /etc/hosts: every machine by its primary address."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{other.primary_address} {other.name}" for other in all_identities if other.vlans]
    return "\n".join(lines)
