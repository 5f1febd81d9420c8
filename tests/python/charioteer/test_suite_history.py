"""What earlier runs took: the history, and what is measured of a run."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from charioteer.errors import InputError
from charioteer.suite.demand import Demand, Measured
from charioteer.suite.history import Estimate, History
from charioteer.suite.usage import Meter, Process, memory_of, processes

LIMIT = Demand(1000, 2)


def test_a_test_without_runs_has_no_estimate_and_no_file(tmp_path: Path) -> None:
    history = History(tmp_path / "folder/history.sqlite")
    assert history.estimate("a", LIMIT) == Estimate()
    assert not (tmp_path / "folder").exists()


def test_an_estimate_is_the_median_duration_and_the_highest_use(tmp_path: Path) -> None:
    history = History(tmp_path / "folder/history.sqlite")
    for seconds, memory in ((10, 300), (50, 500), (12, 400)):
        history.record("a", LIMIT, seconds, Measured(memory, memory / 1000))
    assert history.estimate("a", LIMIT) == Estimate(12, Measured(500, 0.5))
    assert history.estimate("b", LIMIT) == Estimate()


def test_runs_with_another_declaration_are_left_out(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.record("a", Demand(500, 2), 10, Measured(300, 1))
    assert history.estimate("a", LIMIT) == Estimate()


def test_only_the_last_runs_count(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    for seconds in (100, 1, 1, 1, 1, 1):
        history.record("a", LIMIT, seconds, Measured(int(seconds), 1) if seconds > 1 else None)
    assert history.estimate("a", LIMIT) == Estimate(1, None)


def test_two_suites_write_at_once(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"

    def write(name: str) -> None:
        for _ in range(20):
            History(file).record(name, LIMIT, 1, None)

    with ThreadPoolExecutor(4) as pool:
        for written in [pool.submit(write, name) for name in "abcd"]:
            written.result()
    assert all(History(file).estimate(name, LIMIT).seconds == 1 for name in "abcd")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (80,)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
def test_a_file_that_is_no_history_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "history.sqlite"
    file.write_bytes(content)
    with pytest.raises(InputError, match="history.sqlite: not a history"):
        History(file).estimate("a", LIMIT)


def test_a_file_that_cannot_be_looked_for_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="File name too long"):
        History(file).estimate("a", LIMIT)


def test_the_memory_of_descendants_counts() -> None:
    hold = "import sys; held = b'x' * (64 << 20); print(flush=True); sys.stdin.read()"
    parent = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])",
        hold,
    )
    with subprocess.Popen([sys.executable, "-c", *parent], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        meter = Meter(process.pid)
        meter.sample(processes())
        process.stdin.close()
    assert meter.peak >= 64 << 20


def test_a_process_whose_name_is_not_text_is_measured() -> None:
    rename = (
        "open('/proc/self/comm', 'wb', 0).write(bytes([0xc3, 0xa4]) * 7 + bytes([0xc3]));"
        "print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", rename], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        assert processes()[process.pid].parent == os.getpid()
        assert memory_of(process.pid) > 0
        process.stdin.write(b"\n")


def test_the_processor_time_of_processes_that_have_ended_counts() -> None:
    meter = Meter(10)
    second = os.sysconf("SC_CLK_TCK")
    meter.sample({10: Process(1, 1 * second), 11: Process(10, 3 * second), 12: Process(1, 99)})
    for _ in range(4):
        meter.sample({10: Process(1, 2 * second)})
    measured = meter.measured(10)
    assert measured is not None and measured.processors == 0.5


def test_a_run_with_few_samples_is_not_measured() -> None:
    meter = Meter(10)
    meter.sample({10: Process(1, 1)})
    assert meter.measured(1) is None
