"""The reason for the loss of a host, from the program that connects a machine to the driver."""

import time
from pathlib import Path
from typing import Any

import pytest
from charioteer.hosts import team
from charioteer.hosts.hosts_file import Host
from charioteer.hosts.relay import FarMachine, Start
from charioteer.hosts.team import Team


def start_in(state: Path) -> Start:
    state.mkdir(exist_ok=True)
    machine = FarMachine("far", Host("b", ("b",)), "/tmp/charioteer-x/far", "#!/bin/sh\n")
    return Start(machine, [], {"TMPDIR": str(state)})


def lost(*states: Path) -> str | None:
    cluster: Any = None
    found = Team(cluster, {}, {}).lost(states)
    return None if found is None else str(found)


def test_is_that_of_all_machines_once(tmp_path: Path) -> None:
    states = [tmp_path / name for name in ("one", "two", "three")]
    for state, reason in zip(states, ("b was lost", "b was lost", "c was lost"), strict=True):
        start_in(state).report_loss(reason)
    assert lost(tmp_path / "none") is None
    assert lost(*states, tmp_path / "none") == "b was lost; c was lost"


def test_is_waited_for_once_it_was_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = start_in(tmp_path)
    start.announce_loss("b")
    monkeypatch.setattr(time, "sleep", lambda _: start.report_loss("b was lost: why"))
    assert lost(tmp_path) == "b was lost: why"


def test_that_does_not_come_is_what_was_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team, "_REASON_LIMIT", 0)
    start_in(tmp_path).announce_loss("b")
    assert lost(tmp_path) == "the host b was lost"


def test_of_an_earlier_start_is_none(tmp_path: Path) -> None:
    start = start_in(tmp_path)
    start.report_loss("b was lost")
    start.announce_loss("b")
    start_in(tmp_path)
    assert lost(tmp_path) is None
