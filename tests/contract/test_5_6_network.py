"""Sections 5.5 and 5.6: VLANs, and the addresses of machines on them."""

import subprocess

import pytest
from test_driver.machine import QemuMachine

from support.team import Team
from support.workshop import Workshop


def test_5_5_a_vlan_is_told_and_exported(workshop: Workshop) -> None:
    script = """
        assert os.environ["QEMU_VDE_SOCKET_1"] == str(vlan1.socket_dir)
        assert repr(vlan1) == "<Vlan Nr. 1>" and vlan1.nr == 1 and vlan1.pid == os.getpid()
    """
    run = workshop.drive(workshop.configuration(script, vlans=[1]))
    run.expect(0)
    vlan = f"(pid {run.pid}; ctl {workshop.state}/vde1.ctl)"
    assert f"start all VLans\nstart vlan\nrunning vlan {vlan}\n" in run.stderr
    assert f"kill vlan (pid {run.pid})\n" in run.stderr


def test_5_5_a_plug_of_vde_finds_the_switch(pair: Team, alpha: QemuMachine) -> None:
    # vde_plug hands over what it reads and hears, each frame with its length before it.
    plug = subprocess.Popen(
        ["vde_plug", str(pair.driver.vlans[0].socket_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert plug.stdin is not None and plug.stdout is not None
        stranger = bytes.fromhex("020000000001")
        asking = (
            b"\xff" * 6 + stranger + bytes.fromhex("0806 0001 0800 0604 0001") + stranger
            + bytes([192, 168, 1, 77]) + b"\0" * 6 + bytes([192, 168, 1, 1])
        )  # fmt: skip
        while True:
            plug.stdin.write(len(asking).to_bytes(2, "big") + asking)
            plug.stdin.flush()
            frame = plug.stdout.read(int.from_bytes(plug.stdout.read(2), "big"))
            if frame[:6] == stranger and frame[12:14] == b"\x08\x06":
                break
        assert frame[6:12].hex(":") == "52:54:00:12:01:01"
    finally:
        plug.kill()
        plug.wait()


@pytest.mark.parametrize(("name", "number"), [("alpha", 1), ("beta", 2)])
def test_5_6_addresses_follow_the_order_of_names(pair: Team, name: str, number: int) -> None:
    machine = pair[name]
    assert machine.succeed("cat /sys/class/net/eth1/address") == f"52:54:00:12:01:0{number}\n"
    shown = machine.succeed("ip addr show eth1")
    assert f"192.168.1.{number}/24" in shown
    assert f"2001:db8:1::{number}/64" in shown


def test_5_6_the_first_interface_is_the_user_network(alpha: QemuMachine) -> None:
    assert "inet 10.0.2." in alpha.succeed("ip addr show eth0")


def test_5_6_every_machine_knows_the_others_by_name(alpha: QemuMachine) -> None:
    hosts = alpha.succeed("cat /etc/hosts")
    for address, name in (("192.168.1.1", "alpha"), ("192.168.1.2", "beta")):
        assert any(line.split() == [address, name] for line in hosts.split("\n")), hosts
    alpha.wait_until_succeeds("ping -c 1 -W 2 beta")


def test_5_6_block_takes_the_first_vlan_s_cable(alpha: QemuMachine) -> None:
    assert alpha.succeed("cat /sys/class/net/eth1/carrier") == "1\n"
    alpha.block()
    alpha.wait_until_succeeds("grep 0 /sys/class/net/eth1/carrier")
    assert alpha.succeed("cat /sys/class/net/eth0/carrier") == "1\n"
    alpha.unblock()
    alpha.wait_until_succeeds("grep 1 /sys/class/net/eth1/carrier")
