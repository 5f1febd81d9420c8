"""One run of a suite, whose process is a shell that ends when the test says so."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charioteer.cluster import definition
from charioteer.suite import child
from charioteer.suite.demand import NONE, Demand
from charioteer.suite.discovery import Case
from charioteer.suite.ledger import Ledger
from charioteer.suite.outcome import Outcome
from charioteer.suite.running import Running
from charioteer.suite.schedule import Job

from support.mounted import ROOT_ONLY, mounted

DEMAND = Demand(100, 1)
Start = Callable[[Path], Running]


@pytest.fixture
def shells(monkeypatch: pytest.MonkeyPatch) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """The processes of the runs. Each fails when its standard input is closed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*_arguments: object) -> "subprocess.Popen[bytes]":
        command = ["sh", "-c", "read line; exit 1"]
        started.append(subprocess.Popen(command, stdin=-1, start_new_session=True))
        return started[-1]

    monkeypatch.setattr(child, "start", start)
    yield started
    for each in started:
        each.communicate()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def start(tmp_path: Path, ledger: Ledger) -> Start:
    """Starts a run with its folder."""
    (tmp_path / "cluster.toml").write_text('[machines.web]\nguest = "minimal"\n')
    case = Case("a", definition.load(tmp_path / "cluster.toml", needs_script=False))

    def run(folder: Path) -> Running:
        with ledger.locked():
            claim = ledger.claim(DEMAND)
        return Running(Job("a", DEMAND), case, folder, claim)

    return run


def end(shell: "subprocess.Popen[bytes]") -> None:
    assert shell.stdin is not None
    shell.stdin.close()
    # Without taking its status, for which the run waits.
    os.waitid(os.P_PID, shell.pid, os.WEXITED | os.WNOWAIT)


@ROOT_ONLY
def test_a_disk_that_was_full_while_the_run_lasted_is_the_reason(
    tmp_path: Path, start: Start, shells: "list[subprocess.Popen[bytes]]"
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=4m"):
        run = start(disk / "run")
        filler = run.folder / "guest.img"
        filler.write_bytes(bytes(3_500_000))
        run.sample({})
        filler.unlink()
        end(shells[0])
        finished = run.finish()
    assert finished.outcome is Outcome.INFRASTRUCTURE
    assert finished.reason == f"{disk}/run: no space left on the disk"


def test_a_run_may_remove_its_folder(
    tmp_path: Path, start: Start, shells: "list[subprocess.Popen[bytes]]"
) -> None:
    run = start(tmp_path / "run")
    shutil.rmtree(run.folder)
    run.sample({})
    end(shells[0])
    assert run.finish().outcome is Outcome.INFRASTRUCTURE


def test_a_run_that_cannot_be_awaited_is_ended(
    tmp_path: Path,
    start: Start,
    ledger: Ledger,
    shells: "list[subprocess.Popen[bytes]]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_pid: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", fail)
    with pytest.raises(OSError, match="Too many open files"):
        start(tmp_path / "run")
    assert shells[0].returncode == -9
    with ledger.locked():
        assert ledger.claimed() == NONE
