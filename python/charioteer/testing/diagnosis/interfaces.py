"""The network interfaces, addresses and names of a machine, from its answers."""

import ipaddress
import re
from dataclasses import dataclass, field

from charioteer.testing.diagnosis.answer import Answer

_INTERFACE = re.compile(r"^\d+: ([^:@\s]+)(?:@\S+)?: <([^>]*)>.*?\bmtu (\d+)")
_ADDRESS = re.compile(r"^\s+inet6? ([0-9a-fA-F:.]+)(?:/(\d+))?")
_MAC = re.compile(r"^\s+link/ether ([0-9a-f:]{17})")
_USER_NETWORKS = (ipaddress.ip_network("10.0.2.0/24"), ipaddress.ip_network("fec0::/64"))
"""Of QEMU's user networking, which each guest has for itself."""


@dataclass
class Interface:
    """A network interface."""

    name: str
    mtu: int
    flags: frozenset[str] = frozenset()
    mac: str = ""
    addresses: list[tuple[str, int]] = field(default_factory=list)
    """Each with the length of its prefix."""


def interfaces_of(answer: Answer) -> list[Interface]:
    found: list[Interface] = []
    for line in answer.sections.get("addresses", "").split("\n"):
        if match := _INTERFACE.match(line):
            found.append(Interface(match[1], int(match[3]), frozenset(match[2].split(","))))
        elif found and (match := _MAC.match(line)):
            found[-1].mac = match[1]
        elif found and (match := _ADDRESS.match(line)):
            length = int(match[2]) if match[2] else 32
            found[-1].addresses.append((match[1], length))
    return found


def is_shared(address: str) -> bool:
    """Whether machines can reach each other at the address, which only one of them may have then."""
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        return False
    is_own = value.is_loopback or value.is_link_local or value.is_unspecified
    return not is_own and not any(value in each for each in _USER_NETWORKS)


def addresses_of(answer: Answer) -> set[str]:
    """The addresses on Ethernet interfaces, of which no other machine may have one."""
    return {
        address
        for each in interfaces_of(answer)
        if each.mac.startswith("52:54:00")  # of virtual hardware, not of bridges for containers
        for address, _ in each.addresses
        if is_shared(address)
    }


def names_of(answer: Answer) -> dict[str, list[str]]:
    """The addresses of each name in /etc/hosts."""
    names: dict[str, list[str]] = {}
    for line in answer.files.get("/etc/hosts", "").split("\n"):
        address, *others = line.partition("#")[0].split() or [""]
        for name in others:
            names.setdefault(name, []).append(address)
    return names
