"""Sections 5.5 and 5.6: VLANs, and the addresses of machines on them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from test_driver.machine import QemuMachine

from support.shared_machines import SharedMachines
from support.station import Station, connected_station
from support.testbed import Testbed

ALPHA = "52:54:00:12:01:01"
BETA = "52:54:00:12:01:02"

AddStation = Callable[[str], Station]
SetLink = Callable[[QemuMachine], None]


@pytest.fixture
def beta(pair: SharedMachines) -> QemuMachine:
    return pair["beta"]


def test_5_5_a_vlan_is_logged_and_exported(testbed: Testbed) -> None:
    script = """
        assert os.environ["QEMU_VDE_SOCKET_1"] == str(vlan1.socket_dir)
        assert repr(vlan1) == "<Vlan Nr. 1>" and vlan1.nr == 1 and vlan1.pid == os.getpid()
    """
    run = testbed.run_driver(testbed.configuration(script, vlans=[1]))
    run.expect(0)
    vlan = f"(pid {run.pid}; ctl {testbed.state}/vde1.ctl)"
    assert f"start all VLans\nstart vlan\nrunning vlan {vlan}\n" in run.stderr
    assert f"kill vlan (pid {run.pid})\n" in run.stderr


@pytest.fixture
def add_station(pair: SharedMachines) -> Iterator[AddStation]:
    """Connects stations with the given addresses to VLAN 1."""
    with ExitStack() as stack:

        def make(address: str) -> Station:
            station = stack.enter_context(
                connected_station(pair.driver.vlans[0].socket_dir, address)
            )
            assert station.resolve("192.168.1.1") == ALPHA
            return station

        yield make


def test_5_5_a_promiscuous_interface_receives_all_frames(
    beta: QemuMachine, add_station: AddStation
) -> None:
    one, other = add_station("02:00:00:00:00:01"), add_station("02:00:00:00:00:02")
    beta.succeed("ip link set eth1 promisc on")
    counter = "/sys/class/net/eth1/statistics/rx_bytes"
    before = int(beta.succeed(f"cat {counter}"))
    for _ in range(50):
        one.send(other.address, b"q" * 1000)
        other.send(one.address, b"a" * 1000)
    beta.wait_until_succeeds(f"[ $(cat {counter}) -ge {before + 100 * 1014} ]")
    beta.succeed("ip link set eth1 promisc off")


def test_5_5_an_address_that_moves_is_reached_immediately(
    beta: QemuMachine, add_station: AddStation
) -> None:
    before, sender = add_station("02:00:00:00:00:01"), add_station("02:00:00:00:00:02")
    before.send(sender.address, b"this address is mine")
    own = beta.succeed("cat /sys/class/net/eth1/address").strip()
    beta.succeed(f"ip link set eth1 address {before.address}")
    assert sender.resolve("192.168.1.2", before.address) == before.address
    beta.succeed(f"ip link set eth1 address {own}")


def _set_link(machine: QemuMachine, state: str) -> None:
    machine.send_monitor_command(f"set_link virtio-net-pci.1 {state}")


@pytest.mark.parametrize(
    ("disconnect", "reconnect"),
    [
        (QemuMachine.block, QemuMachine.unblock),
        (lambda machine: _set_link(machine, "off"), lambda machine: _set_link(machine, "on")),
    ],
    ids=["block", "set_link"],
)
def test_5_5_frames_to_an_unplugged_machine_reach_the_other_stations(
    beta: QemuMachine, add_station: AddStation, disconnect: SetLink, reconnect: SetLink
) -> None:
    sender, substitute = add_station("02:00:00:00:00:01"), add_station("02:00:00:00:00:02")
    assert sender.resolve("192.168.1.2", BETA) == BETA
    disconnect(beta)
    beta.wait_until_succeeds("grep 0 /sys/class/net/eth1/carrier")
    sender.send(BETA, b"to the substitute")
    substitute.receive(lambda frame: frame.payload.startswith(b"to the substitute"))
    reconnect(beta)
    beta.wait_until_succeeds("grep 1 /sys/class/net/eth1/carrier")
    assert sender.resolve("192.168.1.2", BETA) == BETA


@pytest.mark.parametrize(("name", "number"), [("alpha", 1), ("beta", 2)])
def test_5_6_addresses_follow_the_order_of_names(
    pair: SharedMachines, name: str, number: int
) -> None:
    machine = pair[name]
    assert machine.succeed("cat /sys/class/net/eth1/address") == f"52:54:00:12:01:0{number}\n"
    shown = machine.succeed("ip addr show eth1")
    assert f"192.168.1.{number}/24" in shown
    assert f"2001:db8:1::{number}/64" in shown


def test_5_6_the_first_interface_is_the_user_network(alpha: QemuMachine) -> None:
    assert "inet 10.0.2." in alpha.succeed("ip addr show eth0")


def test_5_6_every_machine_resolves_the_names_of_the_others(alpha: QemuMachine) -> None:
    hosts = alpha.succeed("cat /etc/hosts")
    for address, name in (("192.168.1.1", "alpha"), ("192.168.1.2", "beta")):
        assert any(line.split() == [address, name] for line in hosts.split("\n")), hosts
    alpha.wait_until_succeeds("ping -c 1 -W 2 beta")


def test_5_6_block_unplugs_the_first_vlan(alpha: QemuMachine) -> None:
    assert alpha.succeed("cat /sys/class/net/eth1/carrier") == "1\n"
    alpha.block()
    alpha.wait_until_succeeds("grep 0 /sys/class/net/eth1/carrier")
    assert alpha.succeed("cat /sys/class/net/eth0/carrier") == "1\n"
    alpha.unblock()
    alpha.wait_until_succeeds("grep 1 /sys/class/net/eth1/carrier")
