"""Which machine runs on which host."""

import random

import pytest
from charioteer.errors import InputError
from charioteer.hosts.placement import Wanted, place
from charioteer.suite.demand import NONE, Demand


def wanted(name: str, memory: int = 100, cpus: float = 1, host: str = "") -> Wanted:
    return Wanted(name, Demand(memory, cpus), host)


def test_machines_are_spread_by_memory_and_processors() -> None:
    equal = {"a": Demand(1000, 4), "b": Demand(1000, 4)}
    machines = [wanted(name) for name in ("m1", "m2", "m3", "m4")]
    assert place(machines, equal) == {"m1": "a", "m2": "b", "m3": "a", "m4": "b"}
    unequal = {"a": Demand(10_000, 1), "b": Demand(10_000, 3)}
    assert [*place(machines, unequal).values()].count("b") == 3


def test_a_machine_runs_on_the_host_that_it_names() -> None:
    hosts = {"a": Demand(1000, 1), "b": Demand(1000, 64)}
    assert place([wanted("m1", host="a"), wanted("m2")], hosts) == {"m1": "a", "m2": "b"}
    with pytest.raises(InputError, match="m1 is to run on the host 'c'; the hosts are a, b"):
        place([wanted("m1", host="c")], hosts)


def test_a_named_host_is_not_taken_by_others_first() -> None:
    hosts = {"a": Demand(1000, 4), "b": Demand(400, 4)}
    places = place([wanted("large", 900), wanted("small", 300, host="b")], hosts)
    assert places == {"large": "a", "small": "b"}


def test_an_error_says_what_there_is() -> None:
    hosts = {"a": Demand(150, 4), "b": Demand(90, 4)}
    with pytest.raises(
        InputError, match="no host has room for m2, which takes 100 MB: a has 50 MB"
    ):
        place([wanted("m1"), wanted("m2")], hosts)


def test_memory_is_never_exceeded_and_the_result_is_always_the_same() -> None:
    numbers = random.Random(25)
    for _ in range(300):
        hosts = {
            f"h{i}": Demand(numbers.randrange(100, 4000), numbers.randrange(1, 9))
            for i in range(numbers.randrange(1, 5))
        }
        machines = [
            wanted(
                f"m{i}",
                numbers.randrange(50, 900),
                numbers.randrange(1, 5),
                numbers.choice(["", "", *hosts]),
            )
            for i in range(numbers.randrange(1, 12))
        ]
        try:
            places = place(machines, hosts)
        except InputError:
            continue
        assert places == place(machines, hosts)
        assert [*places] == [each.name for each in machines]
        for host, capacity in hosts.items():
            here = [each.demand for each in machines if places[each.name] == host]
            assert sum(here, NONE).memory <= capacity.memory
        assert all(places[each.name] == each.host for each in machines if each.host)
