"""Ports, addresses, names and firewalls that are not what the step expects."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import Team, add_unit
from charioteer.testing.machine import QemuMachine

pytestmark = pytest.mark.limit(90)


@contextmanager
def listening(machine: QemuMachine, *arguments: str) -> Iterator[None]:
    """Something listens with these arguments of nc."""
    process = machine.spawn(f"exec nc -lk {' '.join(arguments)}")
    machine.wait_for_open_port(int(arguments[-1]))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_a_port_that_another_program_uses(team: Team) -> None:
    listen = "ExecStart=/usr/sbin/sshd -D -p 8080 -o ListenAddress=0.0.0.0"
    # It fails to start, instead of some time after its start.
    add_unit(team.server, "gateway.service", "Type=notify", listen)
    with listening(team.server, "8080"):
        screen = team.first_screen("server.succeed('systemctl start gateway')")
    assert "gateway.service cannot use port 8080: nc (pid" in screen


def test_a_service_for_the_machine_itself_only(team: Team) -> None:
    with listening(team.server, "::1", "8081"):
        screen = team.first_screen("client.succeed('nc -z -w 2 server 8081')")
    assert (
        "1. server: TCP port 8081 is open at ::1 only, which other machines cannot reach" in screen
    )


def test_a_wait_for_the_wrong_port(team: Team) -> None:
    with listening(team.server, "8090"):
        screen = team.first_screen("server.wait_for_open_port(8091, timeout=1)")
    assert "1. server: nothing listens on TCP port 8091; nc (pid" in screen
    assert "listens on TCP port 8090" in screen


def test_a_guest_without_a_service_manager(team: Team) -> None:
    with listening(team.small, "8090"):
        screen = team.first_screen("small.wait_for_open_port(8091, timeout=1)")
    assert (
        "1. small: nothing listens on TCP port 8091; a program listens on TCP port 8090" in screen
    )


def test_a_firewall_that_drops_packets(team: Team) -> None:
    rules = "table inet test { chain in { type filter hook input priority 0; iifname eth1 tcp dport 8082 counter drop; }; }"
    team.server.succeed(f"nft '{rules}'")
    with listening(team.server, "8082"):
        screen = team.first_screen("client.succeed('nc -z -w 2 server 8082')")
    team.server.succeed("nft delete table inet test")
    assert "1. server: the firewall discards packets" in screen
    assert "tcp dport 8082" in screen


def test_a_name_that_does_not_resolve(team: Team) -> None:
    screen = team.first_screen("client.succeed('curl -sS http://databse:5432/')")
    assert "1. client: the name databse does not resolve" in screen


def test_a_wrong_address(team: Team) -> None:
    team.server.succeed(
        "ip addr del 192.168.1.2/24 dev eth1", "ip addr add 192.168.1.77/24 dev eth1"
    )
    screen = team.first_screen("client.succeed('ping -c 1 -W 1 server')")
    team.server.succeed(
        "ip addr del 192.168.1.77/24 dev eth1", "ip addr add 192.168.1.2/24 dev eth1"
    )
    assert (
        "1. server: it does not have the address 192.168.1.2 of its name, but 192.168.1.77"
        in screen
    )


def test_a_way_with_a_smaller_mtu(team: Team) -> None:
    rules = "table inet way { chain in { type filter hook prerouting priority 0; meta length > 1400 drop; }; }"
    team.server.succeed(f"nft '{rules}'")
    screen = team.first_screen("client.succeed('ping -c 1 -W 2 -s 1400 server')")
    team.server.succeed("nft delete table inet way")
    assert "client: packets of 1500 bytes to server are lost, and small ones are not" in screen


def test_a_stale_lease(team: Team) -> None:
    network = "/run/systemd/network/50-eth2.network"
    server = "[Match]\\nName=eth2\\n[Network]\\nAddress=10.9.0.1/24\\nDHCPServer=yes\\n"
    client = "[Match]\\nName=eth2\\n[Network]\\nDHCP=ipv4\\n"
    for machine, text in ((team.server, server), (team.client, client)):
        machine.succeed(f"mkdir -p /run/systemd/network; printf '{text}' > {network}")
        machine.succeed("systemctl start systemd-networkd")
    team.client.wait_until_succeeds("ip addr show eth2 | grep 'inet 10.9.0.'")
    team.server.succeed("ip addr flush dev eth2", "ip addr add 10.10.0.1/24 dev eth2")
    screen = team.first_screen("client.succeed('ping -c 1 -W 1 10.10.0.1')")
    assert "is of a DHCP lease that is stale: no machine has the address 10.9.0.1" in screen
