"""Fixtures of all Python tests."""

import gc
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import patience
from support.leftovers import expect_nothing_left
from support.testbed import Testbed

# More than the batches into which xdist divides the tests at first, four for each worker.
_BATCHES = 64
_USUAL_LIMIT = 60


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limit(seconds): the deadline of the test, unscaled")
    config.addinivalue_line("markers", "together: the tests of the file share a fixture")
    config.addinivalue_line("markers", "nix_machines(...): the options of the fixture nix_machines")
    # Background jobs of a shell without job control ignore SIGINT, and their children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker of xdist, spreads the tests of each file in tests/python over all batches.

    A worker gets the tests in batches of successive ones. Slow tests, which are often in the same
    file, would otherwise be in one batch. Tests with the mark `together` stay beside each other, since
    their fixture would otherwise be made again for nearly each of them. Those with the longest limits,
    which wait for a minute, are the first of the workers, as the others would have ended before them.
    """
    if hasattr(config, "workerinput") and all(_needs_no_guest(item.path) for item in items):
        by_unit: dict[object, list[pytest.Item]] = {}
        for item in items:
            by_unit.setdefault(item.path if _stays(item) else item, []).append(item)
        units = list(by_unit.values())
        spread = [unit for start in range(_BATCHES) for unit in units[start::_BATCHES]]
        items[:] = [item for unit in spread for item in unit]
        _begin_with_longest(items, config.workerinput["workercount"])


def pytest_collection_finish() -> None:
    # Collected tests live until the end of the process. Without this, the collections of garbage at the
    # exit examine all of them, for 0.2 s in each worker.
    gc.freeze()


def _begin_with_longest(items: list[pytest.Item], workers: int) -> None:
    """Makes the items with the longest limits the first of the first batches of xdist."""
    batch = max(len(items) // workers // 4, 2)
    longest = sorted(
        (item for item in items if _limit(item) > _USUAL_LIMIT), key=_limit, reverse=True
    )
    for item in longest:
        items.remove(item)
    for worker in range(workers):
        for place, item in enumerate(longest[worker::workers]):
            items.insert(worker * batch + place, item)


def _limit(item: pytest.Item) -> float:
    mark = item.get_closest_marker("limit")
    return float(mark.args[0]) if mark else _USUAL_LIMIT


def _stays(item: pytest.Item) -> bool:
    return item.get_closest_marker("together") is not None


def _needs_no_guest(path: Path) -> bool:
    """Whether the test is in tests/python, where tests share nothing and run in any order."""
    return "python" in path.parts[-3:]


@pytest.fixture(autouse=True)
def _deadline(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test after 60 s, or the seconds of its mark `limit`."""
    with patience.deadline(_limit(request.node)):
        yield


@pytest.fixture(autouse=True)
def _plain_channel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uses the plain channel in tests/python, where the fake QEMU has no agent by default."""
    if _needs_no_guest(request.path):
        monkeypatch.setenv("CHARIOTEER_CHANNEL", "plain")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder whose path is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="charioteer-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def testbed(folder: Path) -> Iterator[Testbed]:
    """A folder for runs of the driver; fails if a run leaves processes, sockets or locks behind."""
    made = Testbed(folder)
    yield made
    made.close()
    expect_nothing_left(folder)
