"""The verbs of network faults, and what they ask of the core."""

import gc
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fake_core
import pytest
from charioteer.testing import script_trace
from charioteer.testing.driver import Driver
from charioteer.testing.faults.seed import Seed
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.vlan import VLan
from log_lines import log_lines

BOTH = [("web-1", "db"), ("db", "web-1")]


@pytest.fixture
def vlan(driver: Driver) -> VLan:
    (vlan,) = driver.vlans
    vlan.seed = Seed(7)
    return vlan


def last(vlan: VLan) -> dict[str, Any]:
    assert isinstance(vlan.handle, fake_core.FakeVLan)
    return vlan.handle.started[-1]


def in_force(vlan: VLan) -> list[str]:
    assert isinstance(vlan.handle, fake_core.FakeVLan)
    return list(vlan.handle.faults)


def test_machines_are_given_as_objects_and_plugs_by_their_names(vlan: VLan, driver: Driver) -> None:
    db, web = driver.machines
    vlan.drop(web, db)
    assert last(vlan)["links"] == BOTH
    vlan.drop(web, "plug3")
    assert last(vlan)["links"] == [("web-1", "plug3"), ("plug3", "web-1")]


def test_without_machines_a_fault_is_of_all_links(vlan: VLan) -> None:
    vlan.slow()
    assert last(vlan)["links"] == [("", "")]


def test_one_machine_stands_for_its_links_with_all_others(vlan: VLan) -> None:
    vlan.slow("a")
    assert last(vlan)["links"] == [("a", ""), ("", "a")]
    vlan.slow("a", one_way=True)
    assert last(vlan)["links"] == [("a", "")]


def test_a_partition_cuts_the_links_between_groups(vlan: VLan) -> None:
    vlan.partition(["a"], ["b", "c"])
    links = last(vlan)["links"]
    assert sorted(links) == [("a", "b"), ("a", "c"), ("b", "a"), ("c", "a")]
    assert last(vlan)["kind"] == "cut"
    vlan.partition("a", "b", "c", one_way=True)
    assert sorted(last(vlan)["links"]) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_isolated_machines_do_not_reach_each_other(vlan: VLan) -> None:
    vlan.isolate("a", "b")
    assert last(vlan)["links"] == [("a", ""), ("", "a"), ("b", ""), ("", "b")]


def test_random_halves_depend_on_the_seed_only(vlan: VLan) -> None:
    machines = list("abcdefg")
    vlan.partition_halves(machines, name="one")
    first = last(vlan)["links"]
    vlan.fast()
    vlan.partition_halves(machines, name="one")
    assert last(vlan)["links"] == first
    assert len(first) == 2 * 4 * 3
    vlan.fast()
    vlan.seed = Seed(8)
    vlan.partition_halves(machines, name="one")
    assert last(vlan)["links"] != first


@pytest.mark.parametrize("size", range(4, 10))
def test_in_a_ring_each_machine_reaches_a_majority_of_its_own(vlan: VLan, size: int) -> None:
    machines = [f"n{place}" for place in range(size)]
    vlan.partition_ring(machines)
    cut = set(last(vlan)["links"])
    reached = {
        one: frozenset(each for each in machines if (one, each) not in cut) for one in machines
    }
    assert all(len(each) > size / 2 for each in reached.values())
    assert len(set(reached.values())) == size
    assert all((other, one) in cut for one, other in cut)


@pytest.mark.parametrize(
    "call, kind, values",
    [
        ("slow()", "slow", {"delay": 0.05, "jitter": 0.01}),
        ("slow(delay=0.2, jitter='5s')", "slow", {"delay": 0.2, "jitter": 5}),
        ("flaky()", "lose", {"probability": 0.2, "correlation": 0.75}),
        ("duplicate(probability=1)", "duplicate", {"probability": 1}),
        ("reorder(delay=0.5)", "reorder", {"probability": 0.25, "delay": 0.5}),
        ("corrupt()", "corrupt", {"probability": 0.01}),
        ("rate('1mbit')", "rate", {"rate": 1e6}),
        ("rate('1.5 Gbit/s')", "rate", {"rate": 1.5e9}),
        ("rate(9600)", "rate", {"rate": 9600}),
        ("hold()", "hold", {}),
    ],
)
def test_settings(vlan: VLan, call: str, kind: str, values: dict[str, float]) -> None:
    eval(f"vlan.{call}", {"vlan": vlan})
    assert (last(vlan)["kind"], last(vlan)["values"]) == (kind, values)
    assert last(vlan)["seed"] == 7 and last(vlan)["match"] == ""


@pytest.mark.parametrize(
    "call, message",
    [
        ("slow(delay=-1)", "vlan1.slow: argument 'delay' takes seconds as a number, a timedelta,"),
        ("slow(jitter='fast')", "'jitter' takes seconds .*, not 'fast'"),
        ("flaky(loss=20)", "vlan1.flaky: argument 'loss' takes a probability, 0 to 1, not 20"),
        ("flaky(correlation=1)", "'correlation' takes a correlation, 0 to less than 1, not 1"),
        ("corrupt(probability='x')", "'probability' takes a probability, 0 to 1, not 'x'"),
        ("rate('1 MB')", "vlan1.rate: argument 'speed' takes bits per second .*, not '1 MB'"),
        ("rate(0)", "'speed' takes bits per second .*, not 0"),
        ("partition('a')", "vlan1.partition takes two groups or more"),
        ("partition('a', ['b', 'a'])", "vlan1.partition has a in two groups"),
        ("partition('a', [])", "vlan1.partition has a group without machines"),
        ("drop(3)", "vlan1.drop takes machines, names of plugs, or lists of them, not 3"),
        ("drop(one_way=True)", "vlan1.drop has a direction .one_way. only with machines"),
        ("isolate()", "vlan1.isolate takes machines"),
        ("partition_ring(['a', 'b', 'c'])", "vlan1.partition_ring takes four machines or more"),
        ("partition_halves('a')", "vlan1.partition_halves takes two machines or more, not a"),
        ("drop(match='bad')", "vlan1.drop: the filter 'bad' is not one of libpcap's: syntax"),
    ],
)
def test_wrong_arguments_are_errors_of_one_line(vlan: VLan, call: str, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        eval(f"vlan.{call}", {"vlan": vlan})
    assert "\n" not in str(caught.value)
    assert in_force(vlan) == []


def test_a_fault_ends_with_its_block_also_after_an_error(vlan: VLan) -> None:
    with vlan.drop("a") as fault:
        assert in_force(vlan) == ["drop-1"]
        assert vlan.faults == [fault] and fault.is_active
    assert in_force(vlan) == [] and vlan.faults == [] and not fault.is_active
    with pytest.raises(ZeroDivisionError):
        with vlan.drop("a"):
            1 // 0
    assert in_force(vlan) == []
    fault.remove()
    assert fault.counters() == {"seen": 3, "dropped": 2, "held": 0}


def test_a_fault_that_could_not_be_removed_is_in_force(vlan: VLan) -> None:
    assert isinstance(vlan.handle, fake_core.FakeVLan)
    fault = vlan.drop("a")
    vlan.handle.failure = TimeoutError("vlan 1 did not answer")
    with pytest.raises(TimeoutError):
        fault.remove()
    assert fault.is_active and vlan.faults == [fault]
    vlan.handle.failure = None
    vlan.fast()
    assert not fault.is_active and vlan.faults == in_force(vlan) == []


def test_faults_have_the_number_of_their_verb(vlan: VLan) -> None:
    vlan.slow()
    vlan.drop()
    vlan.slow(name="mine")
    vlan.slow()
    assert [each.name for each in vlan.faults] == ["slow-1", "drop-1", "mine", "slow-3"]


def test_heal_ends_cuts_and_release_ends_holds_and_fast_ends_all(vlan: VLan) -> None:
    vlan.slow("a")
    vlan.hold("a")
    vlan.partition("a", "b")
    vlan.isolate("a")
    vlan.heal()
    assert in_force(vlan) == ["slow-1", "hold-1"]
    vlan.release()
    assert in_force(vlan) == ["slow-1"]
    vlan.fast()
    assert in_force(vlan) == []


def test_a_machine_has_the_verbs_for_its_own_links(vlan: VLan, driver: Driver) -> None:
    db, web = driver.machines
    fault = web.network.isolate()
    assert last(vlan)["links"] == [("web-1", ""), ("", "web-1")]
    assert web.network.faults == [fault] and db.network.faults == []
    web.network.slow(db, one_way=True)
    assert last(vlan)["links"] == [("web-1", "db")]
    with pytest.raises(ValueError, match="web-1.network.flaky: argument 'loss'"):
        web.network.flaky(loss=2)
    web.network.heal()
    assert [each.name for each in web.network.faults] == ["web-1.slow-2"]
    web.network.fast()
    assert in_force(vlan) == []


def test_an_ended_fault_of_a_machine_is_forgotten(driver: Driver) -> None:
    network = driver.machines[0].network
    ended = weakref.ref(network.drop())
    network.fast()
    kept = network.slow()
    gc.collect()
    assert ended() is None and network.faults == [kept]


def test_the_place_of_a_fault_is_that_of_the_script_or_of_the_program(
    vlan: VLan, driver: Driver
) -> None:
    script_trace.remember_source("", "check.py")
    exec(compile("\nvlan.drop()", script_trace.SCRIPT, "exec"), {"vlan": vlan})
    assert last(vlan)["origin"] == "check.py:2"
    # On a thread of its own, which no program of the name "<string>" has called, as pytest-xdist is.
    with ThreadPoolExecutor() as threads:
        threads.submit(lambda: driver.machines[0].network.slow()).result()
    assert re.fullmatch(r"test_faults\.py:\d+", last(vlan)["origin"])


def test_faults_are_steps_of_the_log(vlan: VLan, driver: Driver, logger: TerminalLogger) -> None:
    with vlan.partition("a", ["b", "c"]):
        pass
    vlan.slow("a", "b", one_way=True, delay=0.2)
    text = "\n".join(log_lines(logger))
    assert "vlan1: partition-1: a <-> b, c" in text
    assert "vlan1: partition-1 ends" in text
    assert "vlan1: slow-1: a -> b: 200 ms ± 10 ms" in text


def test_the_seed_is_logged_once_and_only_if_it_matters(vlan: VLan, logger: TerminalLogger) -> None:
    vlan.drop()
    assert not any("the seed" in line for line in log_lines(logger))
    vlan.flaky()
    vlan.flaky()
    lines = [line for line in log_lines(logger) if "the seed" in line]
    assert lines == ["network faults use the seed 7; --seed 7 repeats it"]


def test_a_seed_may_be_given() -> None:
    assert Seed(3).value == 3
    assert Seed().value != Seed().value


def test_the_clean_up_ends_all_faults(tmp_path: Any, driver: Driver) -> None:
    (vlan,) = driver.vlans
    vlan.drop()
    driver.__exit__(None)
    assert in_force(vlan) == []


def test_faults_of_a_stopped_vlan_can_be_removed(vlan: VLan) -> None:
    assert isinstance(vlan.handle, fake_core.FakeVLan)
    with vlan.drop() as fault:
        vlan.stop()
        vlan.handle.failure = RuntimeError("the VLAN has been stopped")
    assert not fault.is_active and vlan.faults == []
