"""Addresses, names and routes that do not fit those of the other machines."""

import ipaddress
import re
from collections.abc import Iterator

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity
from charioteer.testing.diagnosis.interfaces import (
    addresses_of,
    interfaces_of,
    is_shared,
    names_of,
)

SOURCE = "network"
_LEASE = re.compile(
    r"(?:ADDRESS=|fixed-address )(?P<address>[\d.]+)"
    r"|(?:SERVER_ADDRESS=|dhcp-server-identifier )(?P<server>[\d.]+)"
)
_FILE = re.compile(r"^==> (.+) <==$", re.MULTILINE)
_USER_GATEWAYS = ("10.0.2.2", "10.0.2.3", "10.0.2.4")
"""Of QEMU's user networking."""


def findings(case: Case) -> Iterator[Finding]:
    everybody = {each.machine: addresses_of(each) for each in case.answers.values()}
    yield from _duplicates(everybody)
    for answer in case.answers.values():
        yield from _of_names(answer, everybody, case)
        yield from _of_interfaces(answer)
        yield from _of_routes(answer, case)
        yield from _of_leases(answer, everybody)
    yield from _of_mtus(case)


def _duplicates(everybody: dict[str, set[str]]) -> Iterator[Finding]:
    owners: dict[str, list[str]] = {}
    for machine, addresses in everybody.items():
        for address in sorted(addresses):
            owners.setdefault(address, []).append(machine)
    for address, machines in owners.items():
        if len(machines) > 1:
            names = " and ".join(machines)
            yield Finding(
                f"{names} have the same address {address}", Severity.FATAL, SOURCE,
                evidence=(f"{address}: {', '.join(machines)}",),
                about=frozenset([address, *machines]),
            )  # fmt: skip


def _of_names(answer: Answer, everybody: dict[str, set[str]], case: Case) -> Iterator[Finding]:
    """Names of machines in /etc/hosts with an address that this machine does not have."""
    for name, addresses in names_of(answer).items():
        actual = everybody.get(name)
        known = [each for each in addresses if is_shared(each)]
        if not actual or not known or actual & set(known):
            continue
        # The same wrong entry of all machines is one finding.
        is_first = answer.machine == name or case.failed is answer
        severity = Severity.FATAL if is_first else Severity.ODD
        yield Finding(
            f"it does not have the address {known[0]} of its name, but {_like(known[0], actual)}",
            severity, SOURCE, name,
            (f"/etc/hosts of {answer.machine}: {known[0]} {name}",
             f"interfaces of {name}: {', '.join(sorted(actual))}"),
            frozenset([name, *known, *actual]),
        )  # fmt: skip


def _like(address: str, others: set[str]) -> str:
    """Those of the same version of IP."""
    same = [each for each in others if (":" in each) == (":" in address)]
    return ", ".join(sorted(same or others))


def _of_interfaces(answer: Answer) -> Iterator[Finding]:
    for each in interfaces_of(answer):
        if not each.mac.startswith("52:54:00"):
            continue
        if "UP" not in each.flags:
            text = f"the interface {each.name} is down"
        elif "NO-CARRIER" in each.flags:
            text = f"the interface {each.name} has no connection"
        elif not any(
            is_shared(address) or address.startswith("10.") for address, _ in each.addresses
        ):
            text = f"the interface {each.name} has no address"
        else:
            continue
        severity = Severity.NOTE if text.endswith("no address") else Severity.ODD
        yield Finding(
            text, severity, SOURCE, answer.machine,
            (f"{each.name}: {','.join(sorted(each.flags))}",), frozenset([each.name]),
        )  # fmt: skip


def _of_routes(answer: Answer, case: Case) -> Iterator[Finding]:
    lost = {
        line.split()[0]: line
        for line in answer.lines("neighbours")
        if line.rstrip().endswith(("FAILED", "INCOMPLETE"))
    }
    for line in answer.lines("routes"):
        words = line.split()
        if words[0] in ("blackhole", "prohibit", "unreachable", "throw"):
            yield Finding(
                f"packets to {words[1]} are discarded by the route `{line.strip()}`", Severity.FATAL,
                SOURCE, answer.machine, (line,), frozenset([words[1]]),
            )  # fmt: skip
        if words[0] == "default" and len(words) > 2 and words[2] not in _USER_GATEWAYS:
            yield from _of_gateway(answer, words[2], line, lost)
    for address, line in lost.items():
        is_asked = address in case.request.subjects.hosts
        yield Finding(
            f"no machine answers at {address}", Severity.ODD if is_asked else Severity.NOTE, SOURCE,
            answer.machine, (line,), frozenset([address]),
        )  # fmt: skip


def _of_gateway(
    answer: Answer, gateway: str, route: str, lost: dict[str, str]
) -> Iterator[Finding]:
    own = [
        ipaddress.ip_interface(f"{address}/{length}").network
        for each in interfaces_of(answer)
        for address, length in each.addresses
    ]
    try:
        is_inside = any(ipaddress.ip_address(gateway) in each for each in own)
    except ValueError:
        return
    if gateway in lost or not is_inside:
        reason = "does not answer" if gateway in lost else "is in no network of this machine"
        yield Finding(
            f"the gateway {gateway} {reason}", Severity.FATAL, SOURCE, answer.machine,
            (route, *([lost[gateway]] if gateway in lost else [])), frozenset([gateway]),
        )  # fmt: skip


def _of_leases(answer: Answer, everybody: dict[str, set[str]]) -> Iterator[Finding]:
    """Addresses by DHCP from a server that is gone, or that are no longer those of the interface."""
    pieces = _FILE.split(answer.sections.get("leases", ""))
    own = {address for each in interfaces_of(answer) for address, _ in each.addresses}
    servers = set().union(*everybody.values())
    for file, text in zip(pieces[1::2], pieces[2::2]):
        found: dict[str, str] = {}
        for match in _LEASE.finditer(text):
            found.update({name: value for name, value in match.groupdict().items() if value})
        address, server = found.get("address", ""), found.get("server", "")
        if not is_shared(address):
            continue
        evidence = (f"{file}: address {address}, server {server or 'unknown'}",)
        about = frozenset([address, server])
        if server and is_shared(server) and server not in servers:
            yield Finding(
                f"the address {address} is of a DHCP lease that is stale: no machine has the address "
                f"{server} of its server any more",
                Severity.FATAL, SOURCE, answer.machine, evidence, about,
            )  # fmt: skip
        elif address not in own:
            yield Finding(
                f"the DHCP lease is stale: no interface has its address {address}",
                Severity.ODD, SOURCE, answer.machine, evidence, about,
            )  # fmt: skip


def _of_mtus(case: Case) -> Iterator[Finding]:
    """Interfaces of one network with different sizes of packets."""
    sizes: dict[str, dict[str, int]] = {}
    for answer in case.answers.values():
        for each in interfaces_of(answer):
            for address, length in each.addresses:
                if each.mac.startswith("52:54:00") and is_shared(address) and "." in address:
                    network = str(ipaddress.ip_interface(f"{address}/{length}").network)
                    sizes.setdefault(network, {})[f"{answer.machine} ({each.name})"] = each.mtu
    for network, mtus in sizes.items():
        if len(set(mtus.values())) > 1:
            shown = ", ".join(f"{name}: {mtu}" for name, mtu in mtus.items())
            yield Finding(
                f"the interfaces of {network} have different MTUs: {shown}", Severity.ODD, SOURCE,
                evidence=(shown,), about=frozenset(name.split()[0] for name in mtus),
            )  # fmt: skip
