"""What one machine is told about itself: an archive that Linux unpacks behind the guest's own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from .cpio import Archive


@dataclass(frozen=True)
class Place:
    """A machine's place in its cluster: `number` is that of its name in the sorted list, from 1."""

    name: str
    number: int
    vlans: Sequence[int]

    @property
    def primary_address(self) -> str | None:
        """The IPv4 address by which the others know it."""
        return self.ipv4(self.vlans[0]) if self.vlans else None

    def ipv4(self, vlan: int) -> str:
        return f"192.168.{vlan}.{self.number}"

    def ipv6(self, vlan: int) -> str:
        return f"2001:db8:{vlan}::{self.number}"

    def mac(self, vlan: int) -> str:
        return f"52:54:00:12:{vlan:02X}:{self.number:02X}"


def places(vlans: dict[str, Sequence[int]]) -> dict[str, Place]:
    """The places of all machines of a cluster, from their VLANs."""
    return {
        name: Place(name, index, tuple(vlans[name])) for index, name in enumerate(sorted(vlans), 1)
    }


def archive(
    place: Place,
    everyone: Sequence[Place],
    root_password: str,
    modules: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """The facts of `place`, as the init script of the guests reads them.

    `modules` are names and contents of what its kernel needs besides the guest's own, in order.
    """
    network = ["eth0 10.0.2.15 255.255.255.0"]
    for index, vlan in enumerate(place.vlans, 1):
        network.append(f"eth{index} {place.ipv4(vlan)} 255.255.255.0 {place.ipv6(vlan)}/64")
    facts = Archive()
    for name, text in (
        ("hostname", place.name),
        ("hosts", hosts(everyone)),
        ("machine-id", machine_id(place)),
        ("network", "\n".join(network)),
    ):
        facts.add_file(f"/charioteer/{name}", f"{text}\n".encode())
    facts.add_file("/charioteer/password", root_password.encode(), 0o600)
    for index, (name, data) in enumerate(modules):
        # Behind the guest's own, which begin with a number.
        facts.add_file(f"/modules/own-{index:02}-{name}.ko", data)
    return facts.finish()


def machine_id(place: Place) -> str:
    """What /etc/machine-id says: the same in every run."""
    return hashlib.md5(f"charioteer {place.name} {place.number}".encode()).hexdigest()


def hosts(everyone: Sequence[Place]) -> str:
    """What /etc/hosts says: every machine by its primary address."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{other.primary_address} {other.name}" for other in everyone if other.vlans]
    return "\n".join(lines)
