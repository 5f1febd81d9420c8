"""The nodes of a tailnet under test."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charioteer.testing.machine import QemuMachine

from support.shared_machines import SharedMachines

_ETHERNET = 14
_IP = {0x0800: "IPv4", 0x86DD: "IPv6"}
_ICMPV6 = 58


class Mesh:
    """Machines that join the tailnet of one of them; packets on their eth0 are recorded."""

    # The name and the address of the machine with Headscale, and its command there.
    server_name = "primer"
    server_address = "192.168.1.1"
    headscale = "headscale"

    def __init__(self, machines: SharedMachines) -> None:
        self.machines = machines
        self.nodes = [machines[machine.name] for machine in machines.driver.machines]
        self.server = machines[self.server_name]
        self._captures: dict[str, list[Path]] = {node.name: [] for node in self.nodes}

    def __getitem__(self, name: str) -> QemuMachine:
        return self.machines[name]

    def start(self) -> None:
        """Starts the nodes and joins them to the tailnet."""
        for node in self.nodes:
            self.start_node(node)
        self.server.wait_for_open_port(8080)
        self.enrol_all()

    def enrol_all(self) -> None:
        """Joins all nodes to the tailnet, with a key of a new user."""
        self.server.succeed(f"{self.headscale} users create lab")
        key = self.new_key()
        for node in self.nodes:
            node.wait_for_unit("tailscaled.service")
            node.succeed(self.join_command(node, key))

    def start_node(self, node: QemuMachine) -> None:
        """Starts the machine, and records its packets."""
        node.start()
        self.record(node)

    def new_key(self) -> str:
        return self.server.succeed(
            f"{self.headscale} preauthkeys create --user 1 --reusable"
        ).strip()

    def join_command(self, node: QemuMachine, key: str, timeout: str = "180s") -> str:
        return (
            f"tailscale up --login-server=http://{self.server_address}:8080 --auth-key={key} "
            f"--hostname={node.name} --accept-dns=false --netfilter-mode=off --timeout={timeout}"
        )

    def ping(self, node: QemuMachine, other: str) -> str:
        """Pings until it succeeds; returns the last line of `tailscale ping`."""
        command = f"tailscale ping -c 3 --timeout=5s --until-direct=false {other}"
        return node.wait_until_succeeds(command, timeout=300).splitlines()[-1]

    def online(self) -> list[str]:
        """The names of the nodes that are online according to the control server."""
        return sorted(node["given_name"] for node in self.registered() if node.get("online"))

    def registered(self) -> list[dict[str, Any]]:
        """The nodes of the tailnet as the control server describes them."""
        nodes: list[dict[str, Any]] = json.loads(
            self.server.succeed(f"{self.headscale} nodes list -o json")
        )
        return nodes

    def handshake(self, node: QemuMachine, other: str) -> str:
        """The time of the last WireGuard handshake of `node` with `other`, as Tailscale writes it."""
        status = json.loads(node.succeed("tailscale status --json"))
        (peer,) = (each for each in status["Peer"].values() if each["HostName"] == other)
        return str(peer["LastHandshake"])

    def restore(self, checkpoint: str) -> None:
        """Restores all nodes, and records their packets, as at their start."""
        self.machines.driver.restore(checkpoint)
        for node in self.nodes:
            self.record(node)

    def record(self, node: QemuMachine) -> None:
        """Records the packets on the node's user network, eth0, until the machine ends."""
        captures = self._captures[node.name]
        captures.append(self.machines.out / f"{node.name}-{len(captures)}.pcap")
        node.send_monitor_command(
            f"object_add filter-dump,id=world,netdev=user.0,file={captures[-1]}"
        )

    def sent_to_the_internet(self, node: QemuMachine) -> list[str]:
        """The IP packets that the node has sent on eth0, without ICMPv6 (neighbour discovery)."""
        return [
            packet
            for capture in self._captures[node.name]
            for packet in _packets(capture.read_bytes())
        ]


def _packets(capture: bytes) -> Iterator[str]:
    """The IP packets of a pcap file, in hexadecimal, without ICMPv6."""
    at = 24
    while at + 16 <= len(capture):
        (length,) = struct.unpack_from("<8xI4x", capture, at)
        frame = capture[at + 16 : at + 16 + length]
        at += 16 + length
        kind = _IP.get(int.from_bytes(frame[12:_ETHERNET], "big"))
        if not kind or (kind == "IPv6" and _is_icmpv6(frame[_ETHERNET:])):
            continue
        yield f"{kind} {frame[_ETHERNET:].hex()}"


def _is_icmpv6(packet: bytes) -> bool:
    # Multicast listener reports have a hop-by-hop header in front.
    return packet[6] == _ICMPV6 or (packet[6] == 0 and packet[40] == _ICMPV6)
