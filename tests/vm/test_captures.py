"""Captures of what real guests send, read by tshark."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.testing.machine import QemuMachine
from charioteer.testing.machines import Machines
from charioteer.testing.vlan import VLan

from support import tshark
from support.followed_capture import followed
from support.patience import deadline, scaled, until
from support.pcapng import interfaces_of, statistics_of, whole
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

TRIO = """
[machines.alpha]
guest = "minimal"
[machines.beta]
guest = "minimal"
[machines.gamma]
guest = "minimal"
"""
pytestmark = pytest.mark.limit(240)


@pytest.fixture(scope="module")
def trio() -> Iterator[SharedMachines]:
    with machines_of_cluster(TRIO) as made:
        with deadline(BOOT_LIMIT):
            everything = Machines([made[name] for name in ("alpha", "beta", "gamma")])
            everything.start()
            everything.succeed("true")
        yield made


@pytest.fixture
def alpha(trio: SharedMachines) -> QemuMachine:
    return trio["alpha"]


@pytest.fixture
def vlan1(trio: SharedMachines) -> VLan:
    vlan = trio.symbols["vlan1"]
    assert isinstance(vlan, VLan)
    return vlan


def test_a_ping_with_its_senders(alpha: QemuMachine, vlan1: VLan) -> None:
    with vlan1.capture("ping.pcapng") as capture:
        alpha.succeed("ping -c 2 -s 1000 beta")
    names = ("icmp.seq", "frame.interface_name", "icmp.type", "frame.len")
    frames = tshark.fields(capture.path, *names, only="icmp")
    # On a loaded host the first answer may come after the second request.
    for number in "01":
        assert [rest for seq, *rest in frames if seq == number] == [
            ["alpha.1", "8", "1042"],
            ["beta.1", "0", "1042"],
        ]
    assert len(frames) == 4


def test_times_are_within_the_step(alpha: QemuMachine, vlan1: VLan) -> None:
    with vlan1.capture("times.pcapng") as capture:
        begin = time.time_ns()
        alpha.succeed("ping -c 3 -i 0.2 gamma")
        end = time.time_ns()
    times = [
        int(text.replace(".", ""))
        for (text,) in tshark.fields(capture.path, "frame.time_epoch", only="icmp")
    ]
    slack = 50_000_000  # the system's clock may be adjusted meanwhile
    assert len(times) == 6 and times == sorted(times)
    assert begin - slack <= times[0] and times[-1] <= end + slack


def test_a_large_transfer_is_kept_or_counted(trio: SharedMachines, vlan1: VLan) -> None:
    alpha, beta = trio["alpha"], trio["beta"]
    size = 4_000_000
    statistics = "cat /sys/class/net/eth1/statistics/tx_packets"
    with beta.spawn("exec nc -u -l -p 9000 > /dev/null"):
        beta.wait_until_succeeds("netstat -lun | grep -q :9000")
        with vlan1.capture("transfer.pcapng") as capture:
            before = int(alpha.succeed(statistics))
            # Datagrams, so that neither losses nor a slow receiver delay the sender.
            alpha.succeed(f"head -c {size} /dev/zero | nc -u -q 0 beta 9000", timeout=scaled(200))
            sent = int(alpha.succeed(statistics)) - before
    content = capture.path.read_bytes()
    counts = {
        name: statistics_of(content, number) for number, name in enumerate(interfaces_of(content))
    }
    for each in counts.values():
        assert each["received"] == each["lost"] + each["kept"]
    assert sent > size / 1500 and sent <= counts["alpha.1"]["received"] < sent + 100
    frames = tshark.fields(capture.path, "frame.number", only='frame.interface_name == "alpha.1"')
    assert len(frames) == counts["alpha.1"]["kept"]


def test_one_machine_is_followed(trio: SharedMachines, tmp_path: Path) -> None:
    alpha, gamma = trio["alpha"], trio["gamma"]
    # Afterwards alpha knows the address, and gamma sends nothing.
    alpha.succeed("ping -c 1 -W 60 gamma")
    gamma.succeed("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all")
    path = tmp_path / "gamma.pcapng"

    def frames() -> list[tuple[str, ...]]:
        names = ("frame.interface_name", "ip.dst_host")
        return tshark.fields(whole(path.read_bytes()), *names, only="icmp")

    with followed("gamma", path):
        alpha.succeed("ping -c 1 -W 60 beta")
        alpha.fail("ping -c 3 -W 1 gamma")
        until(lambda: len(frames()) == 3, 60, lambda: f"these frames were captured: {frames()}")
    gamma.succeed("echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all")
    address = gamma.succeed("hostname -i").split()[-1]
    assert set(frames()) == {("alpha.1", address)}
