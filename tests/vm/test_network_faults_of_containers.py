"""Network faults between a virtual machine and containers, which share a tap device."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.testing.machines import Machines
from charioteer.testing.vlan import VLan

from support import tshark
from support.containers import only_containers, why_no_containers
from support.followed_capture import followed
from support.patience import deadline, until
from support.pcapng import whole
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

CLUSTER = """
name = "faults"
[machines.vm]
guest = "minimal"
[containers.box]
guest = "debian"
[containers.crate]
guest = "debian"
"""

_REASON = why_no_containers()
pytestmark = [
    pytest.mark.limit(300),
    pytest.mark.skipif(bool(_REASON), reason=_REASON),
]


@pytest.fixture(scope="module")
def mixed() -> Iterator[SharedMachines]:
    with only_containers(), machines_of_cluster(CLUSTER) as made:
        # From before the start of the containers.
        made.driver.vlans[0].capture("start.pcapng")
        with deadline(BOOT_LIMIT):
            Machines(made.driver.machines).succeed("true")
            for name in ("box", "crate"):
                made["vm"].succeed(f"ping -c 1 -W 30 {name}")
        yield made


@pytest.fixture
def vlan(mixed: SharedMachines) -> Iterator[VLan]:
    (vlan,) = mixed.driver.vlans
    yield vlan
    vlan.fast()


def reaches(mixed: SharedMachines, name: str) -> bool:
    """Also if a loaded host makes the answers late."""
    return mixed["vm"].execute(f"ping -c 3 -i 0.3 -W 60 {name}")[0] == 0


def is_cut_off(mixed: SharedMachines, name: str) -> bool:
    return mixed["vm"].execute(f"ping -c 3 -i 0.3 -W 2 {name}")[0] != 0


def test_a_container_is_cut_off_and_the_other_one_is_not(mixed: SharedMachines, vlan: VLan) -> None:
    box = mixed.symbols["box"]
    with vlan.partition([mixed["vm"]], [box]) as fault:
        assert is_cut_off(mixed, "box")
        assert reaches(mixed, "crate")
        assert fault.counters()["dropped"] > 0
    assert reaches(mixed, "box")


def test_what_a_container_sends_is_dropped_alone(mixed: SharedMachines, vlan: VLan) -> None:
    crate = mixed.symbols["crate"]
    with crate.network.isolate(one_way=True) as fault:
        assert is_cut_off(mixed, "crate")
        assert reaches(mixed, "box")
        assert fault.counters()["dropped"] >= 1


def test_a_fault_between_two_containers_is_refused(mixed: SharedMachines, vlan: VLan) -> None:
    with pytest.raises(ValueError, match="vlan1.slow: frames between the containers box and crate"):
        vlan.slow("box", "crate")
    assert vlan.faults == []


def test_captures_name_the_containers(mixed: SharedMachines, vlan: VLan) -> None:
    crate = mixed.symbols["crate"]
    with vlan.capture("containers.pcapng") as capture:
        mixed["vm"].succeed("ping -c 1 -W 60 box")
        crate.succeed("ping -c 1 -W 60 vm")
    assert tshark.fields(capture.path, "frame.interface_name", "icmp.type", only="icmp") == [
        ("vm.1", "8"),
        ("box.1", "0"),
        ("crate.1", "8"),
        ("vm.1", "0"),
    ]


def test_frames_of_a_start_are_those_of_the_container(mixed: SharedMachines, vlan: VLan) -> None:
    for capture in vlan.release_captures():
        capture.stop()
    known = mixed.driver.config.container_addresses["1"]
    senders = {address: f"{name}.1" for address, name in known.items()}
    assert sorted(senders.values()) == ["box.1", "crate.1"]
    path = mixed.driver.out_dir / "start.pcapng"
    found = tshark.fields(path, "eth.src", "frame.interface_name")
    assert {(source, name) for source, name in found if source in senders} == set(senders.items())


def test_one_container_is_followed(mixed: SharedMachines, tmp_path: Path) -> None:
    path = tmp_path / "box.pcapng"

    def frames() -> list[tuple[str, ...]]:
        names = ("frame.interface_name", "icmp.type")
        return tshark.fields(whole(path.read_bytes()), *names, only="icmp")

    with followed("box", path):
        mixed["vm"].succeed("ping -c 1 -W 60 crate", "ping -c 1 -W 60 box")
        until(lambda: len(frames()) == 2, 60, lambda: f"these frames were captured: {frames()}")
    assert frames() == [("vm.1", "8"), ("box.1", "0")]
