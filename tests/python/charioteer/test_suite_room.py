"""Waiting for room on the host, as the workers of pytest do."""

import threading
from pathlib import Path

import pytest

from charioteer.suite import room
from charioteer.suite.demand import NONE, Demand
from charioteer.suite.ledger import Ledger
from charioteer.suite.room import NoRoom, Room
from support.patience import scaled, until

HOST = Demand(1000, 2)


def claimed(ledger: Ledger) -> Demand:
    with ledger.locked():
        return ledger.claimed()


def wishes(folder: Path) -> int:
    return len(list(folder.glob("*.wish")))


def test_room_is_claimed_within_the_block_only(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with Room(ledger, HOST).claimed(Demand(600, 1)):
        assert claimed(ledger) == Demand(600, 1)
    assert claimed(ledger) == NONE


def test_more_than_the_host_has_is_all_of_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with Room(ledger, HOST).claimed(Demand(5000, 9)):
        assert claimed(ledger) == HOST


def test_a_process_with_a_claim_does_not_wait_for_another_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    own = Room(ledger, HOST)
    with own.claimed(HOST), own.claimed(HOST):
        assert claimed(ledger) == HOST + HOST
    assert claimed(ledger) == NONE


def test_others_wait_until_there_is_room(tmp_path: Path) -> None:
    entered = threading.Event()

    def wait() -> None:
        with Room(Ledger(tmp_path), HOST).claimed(Demand(600, 1)):
            entered.set()

    with Room(Ledger(tmp_path), HOST).claimed(Demand(600, 1)):
        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: wishes(tmp_path) == 1, 30, lambda: "it does not wait")
        assert not entered.is_set()
    waiting.join(scaled(30))
    assert entered.is_set() and wishes(tmp_path) == 0


def test_the_first_that_waits_is_not_overtaken(tmp_path: Path) -> None:
    order: list[str] = []

    def wait(name: str, demand: Demand) -> None:
        with Room(Ledger(tmp_path), HOST).claimed(demand):
            order.append(name)

    with Room(Ledger(tmp_path), HOST).claimed(Demand(600, 1)):
        large = threading.Thread(target=wait, args=("large", HOST))
        large.start()
        until(lambda: wishes(tmp_path) == 1, 30, lambda: "large does not wait")
        # There would be room for it now.
        small = threading.Thread(target=wait, args=("small", Demand(100, 1)))
        small.start()
        until(lambda: wishes(tmp_path) == 2, 30, lambda: "small does not wait")
    for each in (large, small):
        each.join(scaled(30))
    assert order == ["large", "small"]


def test_a_wait_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_LIMIT", 0.1)
    with Room(Ledger(tmp_path), HOST).claimed(HOST):
        with pytest.raises(NoRoom, match="no room for 600 MB and 1 processors"):
            with Room(Ledger(tmp_path), HOST).claimed(Demand(600, 1)):
                pass
    assert wishes(tmp_path) == 0
