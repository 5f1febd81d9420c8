"""Which run of a suite starts next: properties over random demands."""

import random

import pytest

from charioteer import paths
from charioteer.cluster import definition
from charioteer.suite.demand import NONE, Demand, Measured, declared, expected, total
from charioteer.suite.schedule import MOST_OVERTAKEN, Job, Schedule, is_possible

HOST = Demand(8000, 4)


def random_jobs(seed: int) -> list[Job]:
    """Jobs of which some take nearly all memory, and some more processors than there are."""
    source = random.Random(seed)
    return [
        Job(
            f"test{number}",
            Demand(source.choice([100, 900, 3000, 8000]), source.choice([0.25, 1, 2.5, 4, 9])),
            source.choice([None, *range(1, 60)]),
        )
        for number in range(source.randrange(1, 60))
    ]


def simulate(jobs: list[Job], seed: int) -> tuple[list[Job], Demand]:
    """Runs the jobs with random durations; returns the order of starts, and the highest demand."""
    source = random.Random(seed)
    schedule = Schedule(jobs, HOST)
    running: list[Job] = []
    started: list[Job] = []
    highest = NONE
    while schedule or running:
        used = total(each.demand for each in running)
        job = schedule.take(used)
        if job is not None:
            running.append(job)
            started.append(job)
            used = used + job.demand
            highest = Demand(
                max(used.memory, highest.memory), max(used.processors, highest.processors)
            )
        else:
            assert running, "nothing runs, and nothing starts"
            running.remove(source.choice(running))
    return started, highest


@pytest.mark.parametrize("seed", range(100))
def test_demands_are_never_above_the_host(seed: int) -> None:
    _, highest = simulate(random_jobs(seed), seed)
    assert highest.fits(HOST)


@pytest.mark.parametrize("seed", range(100))
def test_every_run_starts_once(seed: int) -> None:
    jobs = random_jobs(seed)
    started, _ = simulate(jobs, seed)
    assert sorted(each.name for each in started) == sorted(each.name for each in jobs)


@pytest.mark.parametrize("seed", range(100))
def test_a_run_is_overtaken_only_so_often(seed: int) -> None:
    jobs = random_jobs(seed)
    wanted = [each.name for each in Schedule(jobs, HOST).jobs]
    started, _ = simulate(jobs, seed)
    position = {each.name: number for number, each in enumerate(started)}
    for number, name in enumerate(wanted):
        overtaking = [other for other in wanted[number + 1 :] if position[other] < position[name]]
        assert len(overtaking) <= MOST_OVERTAKEN


def test_a_large_run_does_not_starve_while_small_ones_keep_coming() -> None:
    large = Job("large", Demand(8000, 1), 100)
    small = [Job(f"small{number}", Demand(1000, 1), 1) for number in range(10 * MOST_OVERTAKEN)]
    schedule = Schedule([large, *small], HOST)
    running = [Demand(1000, 1)]
    started = []
    while schedule.first is not None and schedule.first.name == "large":
        job = schedule.take(total(running))
        if job is None:
            running.pop()
        else:
            running.append(job.demand)
            started.append(job.name)
    assert started[-1] == "large" and len(started) == MOST_OVERTAKEN + 1


def test_the_longest_runs_start_first_after_unknown_ones() -> None:
    demand = Demand(100, 1)
    jobs = [Job("short", demand, 1), Job("long", demand, 60), Job("new", demand)]
    assert [each.name for each in Schedule(jobs, HOST).jobs] == ["new", "long", "short"]


def test_a_run_with_more_processors_than_the_host_has_runs_alone() -> None:
    schedule = Schedule([Job("wide", Demand(100, 9)), Job("other", Demand(50, 1))], HOST)
    wide = schedule.take(NONE)
    assert wide is not None and wide.demand == Demand(100, 4)
    assert schedule.take(wide.demand) is None


def test_memory_above_that_of_the_host_is_impossible() -> None:
    assert is_possible(Demand(8000, 99), HOST)
    assert not is_possible(Demand(8001, 1), HOST)


def test_a_repeated_attempt_comes_first() -> None:
    schedule = Schedule([Job("a", Demand(1, 1), 9), Job("b", Demand(1, 1), 1)], HOST)
    first = schedule.take(NONE)
    assert first is not None and first.name == "a"
    schedule.put_first(first)
    assert schedule.first == first


def test_earlier_runs_lower_a_demand_and_never_raise_it() -> None:
    limit = Demand(1000, 4)
    assert expected(limit, None) == limit
    assert expected(limit, Measured(400, 1.0)) == Demand(500, 1.25)
    assert expected(limit, Measured(4000, 9.0)) == limit
    assert expected(limit, Measured(10, 0.0)).processors > 0


def test_the_demand_of_a_cluster_is_above_the_memory_of_its_machines() -> None:
    cluster = definition.load(paths.examples() / "ping")
    demand = declared(cluster)
    assert demand.memory > sum(each.memory for each in cluster.machines)
    assert demand.processors == sum(each.cpus for each in cluster.machines)
