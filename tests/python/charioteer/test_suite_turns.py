"""Two suites on one host: properties over random demands and orders of events."""

import random
from pathlib import Path

import pytest

from charioteer.suite import turn
from charioteer.suite.demand import Demand
from charioteer.suite.ledger import Entry, Ledger
from charioteer.suite.schedule import Job, Schedule

HOST = Demand(8000, 4)


class Suite:
    """A suite whose runs end when the test says so."""

    def __init__(self, folder: Path, jobs: list[Job]) -> None:
        self.ledger = Ledger(folder)
        self.schedule = Schedule(jobs, HOST)
        self.running: list[tuple[Job, Entry]] = []
        self.started: list[str] = []

    def start(self) -> bool:
        """Starts a run if there is room; returns whether it did."""
        taken = turn.take(self.schedule, self.ledger, is_idle=not self.running)
        if taken is None:
            return False
        self.running.append(taken)
        self.started.append(taken[0].name)
        return True

    def end(self, index: int) -> None:
        _, entry = self.running.pop(index)
        entry.release()


def claimed(suite: Suite) -> Demand:
    with suite.ledger.locked():
        return suite.ledger.claimed()


def random_jobs(source: random.Random) -> list[Job]:
    return [
        Job(
            f"test{number}",
            Demand(source.choice([100, 900, 3000, 8000]), source.choice([0.25, 1, 2.5, 4])),
            source.choice([None, 1, 10, 50]),
        )
        for number in range(source.randrange(1, 15))
    ]


@pytest.mark.parametrize("seed", range(30))
def test_suites_together_stay_below_the_host_and_all_runs_start(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    suites = [Suite(tmp_path, random_jobs(source)) for _ in range(2)]
    wanted = [len(each.schedule) for each in suites]
    while any(each.schedule or each.running for each in suites):
        started = [each.start() for each in source.sample(suites, 2)]
        assert claimed(suites[0]).fits(HOST)
        busy = [each for each in suites if each.running]
        assert busy or not any(each.schedule for each in suites), "nothing runs, nothing starts"
        if busy and (not any(started) or source.random() < 0.5):
            suite = source.choice(busy)
            suite.end(source.randrange(len(suite.running)))
    assert [len(each.started) for each in suites] == wanted
    assert not list(tmp_path.glob("*.claim"))


def test_a_suite_with_small_tests_does_not_starve_one_with_a_large_test(tmp_path: Path) -> None:
    small = Suite(tmp_path, [Job(f"t{n}", Demand(1000, 0.5), 1) for n in range(100)])
    while small.start():
        pass
    assert len(small.running) == 8
    large = Suite(tmp_path, [Job("large", HOST, 1)])
    assert not large.start()
    while not large.start():
        assert small.running, "the large test cannot start though nothing runs"
        small.end(0)
        small.start()
    assert len(small.started) == 8
    large.end(0)
    assert small.start()
