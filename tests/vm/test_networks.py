"""Network faults between real guests, as a script starts them, and captures of what they send, read by
tshark.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

CLUSTER = """
[machines.alpha]
guest = "minimal"
[machines.beta]
guest = "minimal"
[machines.gamma]
guest = "minimal"
"""

pytestmark = pytest.mark.limit(300)


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedMachines]:
    with machines_of_cluster(CLUSTER) as made:
        with deadline(BOOT_LIMIT):
            everything = Machines(made.driver.machines)
            everything.start()
            everything.succeed("true")
            for one in made.driver.machines:
                for other in made.driver.machines:
                    one.succeed(f"ping -c 1 -W 30 {other.name}")
        yield made


@pytest.fixture
def vlan(shared: SharedMachines) -> Iterator[VLan]:
    """The VLAN, without faults before and after the test."""
    (vlan,) = shared.driver.vlans
    yield vlan
    vlan.fast()


def reaches(one: QemuMachine, other: QemuMachine) -> bool:
    """Also if a loaded host makes the answers late."""
    return one.execute(f"ping -c 3 -i 0.3 -W 60 {other.name}")[0] == 0


def is_cut_off(one: QemuMachine, other: QemuMachine) -> bool:
    return one.execute(f"ping -c 3 -i 0.3 -W 2 {other.name}")[0] != 0


def times_of(one: QemuMachine, other: QemuMachine, count: int) -> list[float]:
    """Round trips in milliseconds; those of lost pings are missing."""
    _, output = one.execute(f"ping -c {count} -i 0.2 -W 60 {other.name}")
    return [float(each) for each in re.findall(r"time=([0-9.]+) ms", output)]


@contextmanager
def receiving(machine: QemuMachine, file: str) -> Iterator[None]:
    """Writes into `file` what is sent to port 9000; the block ends when all has been received."""
    with machine.spawn(f"nc -l -p 9000 > {file}") as receiver:
        machine.wait_until_succeeds("netstat -ltn | grep -q :9000")
        yield
        receiver.wait(timeout=scaled(200))


def test_plugs_have_the_names_of_the_machines(shared: SharedMachines, vlan: VLan) -> None:
    assert sorted(vlan.plugs()) == ["alpha", "beta", "gamma"]


def test_a_partition_separates_groups_until_its_end(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta, gamma = (shared[name] for name in ("alpha", "beta", "gamma"))
    with vlan.partition([alpha], [beta, gamma]) as fault:
        assert is_cut_off(alpha, beta)
        assert is_cut_off(gamma, alpha)
        assert reaches(beta, gamma)
        assert fault.counters()["dropped"] > 0
    assert reaches(alpha, beta)


def test_one_direction_is_enough_to_lose_answers(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta = shared["alpha"], shared["beta"]
    counted = "cat /sys/class/net/eth1/statistics/rx_packets"
    with vlan.drop(beta, alpha, one_way=True):
        before = int(beta.succeed(counted))
        assert is_cut_off(alpha, beta)
        assert int(beta.succeed(counted)) >= before + 3
    assert reaches(alpha, beta)


def test_an_isolated_machine_reaches_no_other(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta, gamma = (shared[name] for name in ("alpha", "beta", "gamma"))
    with gamma.network.isolate():
        assert is_cut_off(alpha, gamma)
        assert is_cut_off(gamma, beta)
        assert reaches(alpha, beta)
    assert reaches(alpha, gamma)


def test_a_delay_is_added_to_the_round_trip(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta, gamma = (shared[name] for name in ("alpha", "beta", "gamma"))
    with vlan.slow(alpha, beta, delay=0.3, jitter=0) as fault:
        slow = times_of(alpha, beta, 5)
        seen = fault.counters()["seen"]
        assert len(slow) == 5 and min(slow) >= 600
        assert len(times_of(alpha, gamma, 5)) == 5
        assert fault.counters()["seen"] < seen + 5


def test_a_filter_narrows_a_fault(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta = shared["alpha"], shared["beta"]
    with vlan.drop(alpha, beta, match="icmp and len > 300"):
        assert reaches(alpha, beta)
        assert alpha.execute("ping -c 2 -W 2 -s 500 beta")[0] != 0


def test_a_rate_limits_a_transfer(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta = shared["alpha"], shared["beta"]
    size = 250_000
    with vlan.rate("1mbit", alpha, beta) as fault, receiving(beta, "/dev/null"):
        begin = time.monotonic()
        alpha.succeed(f"head -c {size} /dev/zero | nc -N beta 9000", timeout=scaled(120))
    # Two seconds at this rate.
    assert time.monotonic() - begin > 1.9
    assert fault.counters()["delayed"] > size / 1500


def test_held_frames_arrive_when_they_are_released(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta = shared["alpha"], shared["beta"]
    fault = vlan.hold(alpha, beta)
    with alpha.spawn("ping -c 1 -W 60 beta") as ping:
        while fault.counters()["held"] == 0:
            assert ping.poll() is None
        vlan.release()
        assert ping.wait(timeout=scaled(60)).status == 0


def test_a_flaky_link_is_survived_by_tcp(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta = shared["alpha"], shared["beta"]
    alpha.succeed("head -c 300000 /dev/urandom > /tmp/sent")
    with vlan.flaky(alpha, beta, loss=0.05, correlation=0), vlan.duplicate(alpha, beta):
        with vlan.corrupt(alpha, beta, probability=0.05), vlan.reorder(alpha, beta):
            with receiving(beta, "/tmp/received"):
                alpha.succeed("nc -N beta 9000 < /tmp/sent", timeout=scaled(200))
    assert alpha.succeed("md5sum < /tmp/sent") == beta.succeed("md5sum < /tmp/received")


def test_a_ping_with_its_senders(shared: SharedMachines, vlan: VLan) -> None:
    with vlan.capture("ping.pcapng") as capture:
        shared["alpha"].succeed("ping -c 2 -s 1000 beta")
    names = ("icmp.seq", "frame.interface_name", "icmp.type", "frame.len")
    frames = tshark.fields(capture.path, *names, only="icmp")
    # On a loaded host the first answer may come after the second request.
    for number in "01":
        assert [rest for seq, *rest in frames if seq == number] == [
            ["alpha.1", "8", "1042"],
            ["beta.1", "0", "1042"],
        ]
    assert len(frames) == 4


def test_times_are_within_the_step(shared: SharedMachines, vlan: VLan) -> None:
    with vlan.capture("times.pcapng") as capture:
        begin = time.time_ns()
        shared["alpha"].succeed("ping -c 3 -i 0.2 gamma")
        end = time.time_ns()
    times = [
        int(text.replace(".", ""))
        for (text,) in tshark.fields(capture.path, "frame.time_epoch", only="icmp")
    ]
    slack = 50_000_000  # the system's clock may be adjusted meanwhile
    assert len(times) == 6 and times == sorted(times)
    assert begin - slack <= times[0] and times[-1] <= end + slack


def test_a_large_transfer_is_kept_or_counted(shared: SharedMachines, vlan: VLan) -> None:
    alpha, beta = shared["alpha"], shared["beta"]
    size = 4_000_000
    statistics = "cat /sys/class/net/eth1/statistics/tx_packets"
    with beta.spawn("exec nc -u -l -p 9000 > /dev/null"):
        beta.wait_until_succeeds("netstat -lun | grep -q :9000")
        with vlan.capture("transfer.pcapng") as capture:
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


def test_one_machine_is_followed(shared: SharedMachines, tmp_path: Path) -> None:
    alpha, gamma = shared["alpha"], shared["gamma"]
    # alpha then has gamma's address in its ARP cache, and gamma sends nothing.
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
