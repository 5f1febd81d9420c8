"""`charioteer test`: suites of tests with the real core and a fake QEMU."""

import os
import re
import signal
import sqlite3
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from charioteer.suite import results
from charioteer.suite.ledger import folder_name

from support.leftovers import processes_of, qemus_of
from support.mounted import ROOT_ONLY, mounted
from support.patience import scaled, until
from support.run import PROGRAMS
from support.suites import FAILS, PASSES, QUICK, QUICK_FAILURE, Project
from support.terminal import Terminal


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    made = Project(folder)
    yield made
    made.close()


def once(folder: Path, first: str) -> str:
    """A script that does `first` in its first run only."""
    marker = folder / "was-run"
    return (
        f"from pathlib import Path\nmarker = Path({str(marker)!r})\n"
        f"if not marker.exists():\n    marker.touch()\n    {first}\n"
    )


def waiting_for(file: Path) -> str:
    """A script that ends when the file exists."""
    return (
        f"import time\nfrom pathlib import Path\nwhile not Path({str(file)!r}).exists():\n"
        "    time.sleep(0.05)\n"
    )


@pytest.mark.limit(120)
def test_a_failure_has_its_cause_in_the_summary_and_all_reports(project: Project) -> None:
    project.test("good", PASSES)
    project.test("deep/bad", FAILS)
    run = project.run(status=1)
    assert project.outcomes() == {"good": "passed", "deep/bad": "failed"}
    summary = run.stdout[run.stdout.index("tests/deep/bad: the test script failed") :]
    assert "why the test failed:" in summary and "the reason" in summary
    assert re.search(r"2 tests in .*: 1 passed, 1 failed", summary)
    bad, good = project.result.tests
    page = (project.out / "index.html").read_text()
    for test in (bad, good):
        (attempt,) = test.attempts
        assert (project.out / attempt.report).is_file()
        assert f'href="{attempt.report.replace("+", "%2B")}"' in page
    cases = {
        each.attrib["name"]: each
        for each in ElementTree.parse(project.out / "junit.xml").iter("testcase")
    }
    assert not list(cases["good"])
    (failure,) = cases["bad"]
    assert failure.tag == "failure" and "the reason" in (failure.text or "")
    assert cases["bad"].attrib["classname"] == "tests.deep"
    log = run.stdout.splitlines()
    assert any(re.search(r" tests/good: started", line) for line in log)
    assert any(re.search(r"passed +[\d.]+ s  tests/good .*report.html$", line) for line in log)


@pytest.mark.limit(120)
def test_tests_run_beside_each_other_when_there_is_room(project: Project) -> None:
    # Each waits until the other has begun.
    for own, other in (("one", "two"), ("two", "one")):
        touch = f"from pathlib import Path\nPath({str(project.folder / own)!r}).touch()\n"
        limit = f"global_timeout = {scaled(100):.0f}\n"
        project.test(own, touch + waiting_for(project.folder / other), limit)
    project.run("--memory", "4000", "--processors", "2")


@pytest.mark.limit(120)
@pytest.mark.parametrize("limit", [("--memory", "600"), ("--processors", "1"), ("--jobs", "1")])
def test_tests_for_which_there_is_no_room_wait(project: Project, limit: tuple[str, str]) -> None:
    for name in ("one", "two", "three"):
        project.test(name, QUICK)
    options = {"--memory": "4000", "--processors": "8", limit[0]: limit[1]}
    run = project.run(*(word for option in options.items() for word in option))
    words = [word for word in re.findall("started|passed", run.stdout.split("\n\n")[0])]
    assert words == ["started", "passed"] * 3


@pytest.mark.limit(120)
def test_a_suite_waits_for_what_the_tests_of_another_one_take(project: Project) -> None:
    go_on = project.folder / "go-on"
    project.test("one", waiting_for(go_on))
    project.test("two", QUICK)
    options = ("--memory", "600", "--processors", "8")
    first = project.start("test", "tests/one", "-o", "out-one", *options)
    first.wait_for("started")
    second = project.start("test", "tests/two", "-o", "out-two", *options)
    ledger = project.base / folder_name()
    until(lambda: bool(list(ledger.glob("*.wish"))), 60, second.report)
    assert "started" not in second.stdout
    go_on.touch()
    first.expect(0)
    second.expect(0)
    assert {each.name for each in ledger.iterdir()} == {"ledger.lock"}


def test_a_test_that_needs_more_memory_than_the_host_has_is_not_started(project: Project) -> None:
    project.test("large", QUICK)
    run = project.run("--memory", "100", status=75)
    assert project.outcomes() == {"large": "infrastructure"}
    assert "it needs 512 MB of memory, and 100 MB were free for tests" in run.stdout


@pytest.mark.limit(120)
def test_a_test_that_passes_when_it_is_tried_again_is_flaky(project: Project) -> None:
    project.test("flaky", once(project.folder, "raise Exception('the reason')"))
    project.test("bad", QUICK_FAILURE)
    run = project.run("--retry", "2", status=1)
    assert project.outcomes() == {"flaky": "flaky", "bad": "failed"}
    assert {each.test: len(each.attempts) for each in project.result.tests} == {
        "tests/flaky": 2,
        "tests/bad": 3,
    }
    assert "flaky: tests/flaky passed at attempt 2" in run.stdout
    folders = {path.name for path in (project.out / "tests/tests+bad").iterdir()}
    assert folders == {"run-1", "run-1-retry-1", "run-1-retry-2"}


def test_a_flaky_test_alone_gives_status_0(project: Project) -> None:
    project.test("flaky", once(project.folder, "raise Exception('the reason')"))
    project.run("--retry", "1")
    assert project.outcomes() == {"flaky": "flaky"}


def test_a_killed_driver_is_infrastructure_and_leaves_other_tests_alone(project: Project) -> None:
    project.test("killed", PASSES + "import os\nos.kill(os.getpid(), 9)\n")
    project.test("good", QUICK)
    run = project.run(status=75)
    assert project.outcomes() == {"killed": "infrastructure", "good": "passed"}
    assert "tests/killed: the driver was ended by SIGKILL" in run.stdout


def test_the_time_limit_of_a_test_is_a_failure(project: Project) -> None:
    project.test("slow", "import time\ntime.sleep(100)\n", "global_timeout = 1\n")
    run = project.run(status=1)
    assert "tests/slow: the time limit of the test has passed" in run.stdout


@pytest.mark.limit(120)
def test_repetitions_end_after_the_first_failure(project: Project) -> None:
    marker = project.folder / "count"
    project.test(
        "third",
        f"with open({str(marker)!r}, 'a') as file:\n    file.write('x')\n"
        f"assert len(open({str(marker)!r}).read()) < 3\n",
    )
    project.run("--repeat", "5", "--until-fail", "--jobs", "1", status=1)
    outcomes = [(each.repetition, str(each.outcome)) for each in project.result.tests]
    assert outcomes == [(1, "passed"), (2, "passed"), (3, "failed")]
    assert project.result.not_run == ["tests/third [4]", "tests/third [5]"]


def test_a_quarantined_failure_does_not_count_but_is_named(project: Project) -> None:
    project.test("bad", QUICK_FAILURE)
    entry = '[[quarantine]]\ntest = "tests/bad"\nreason = "issue 1"\nuntil = {}\n'
    listed = project.folder / "quarantine.toml"
    listed.write_text(entry.format("9999-01-01"))
    run = project.run("--quarantine", "quarantine.toml")
    assert project.outcomes() == {"bad": "failed"}
    assert "does not count: tests/bad is quarantined until 9999-01-01: issue 1" in run.stdout
    (case,) = ElementTree.parse(project.out / "junit.xml").iter("testcase")
    assert case[0].tag == "skipped"
    listed.write_text(entry.format("2020-01-01"))
    run = project.run("--quarantine", "quarantine.toml", status=2)
    assert run.stderr.count("\n") == 1 and "expired on 2020-01-01" in run.stderr


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.limit(120)
def test_an_interrupted_suite_ends_its_runs_and_keeps_results(
    project: Project, number: signal.Signals, status: int
) -> None:
    project.test("a-good", QUICK)
    project.test("hangs", PASSES + "import time\ntime.sleep(1000)\n")
    # There is room for both.
    run = project.start("test", "tests", "--processors", "2", "--memory", "4000")
    run.wait_for("passed")
    until(lambda: bool(qemus_of(project.base)), 60, run.report)
    run.send(number)
    run.expect(status)
    assert project.outcomes() == {"a-good": "passed"}
    assert project.result.not_run == ["tests/hangs"] and not project.result.complete
    assert "1 not run" in run.stdout
    until(lambda: not processes_of(project.base), 60, lambda: str(processes_of(project.base)))


@pytest.mark.limit(120)
def test_a_killed_suite_leaves_no_process_but_the_results_so_far(project: Project) -> None:
    project.test("a-good", QUICK)
    project.run()
    project.test("hangs", PASSES + "import time\ntime.sleep(1000)\n")
    # There is room for both.
    run = project.start("test", "tests", "--processors", "2", "--memory", "4000")
    run.wait_for("passed")
    until(lambda: bool(qemus_of(project.base)), 60, run.report)
    run.send(signal.SIGKILL)
    run.expect(137)
    until(lambda: not processes_of(project.base), 60, lambda: str(processes_of(project.base)))
    assert project.outcomes() == {"a-good": "passed"}
    assert not project.result.complete and project.result.status == 75
    # Those of the earlier suite would be taken for its own.
    assert not (project.out / "junit.xml").exists() and not (project.out / "index.html").exists()


@ROOT_ONLY
def test_a_full_disk_is_one_line_and_status_75(project: Project) -> None:
    project.test("good", QUICK)
    disk = project.folder / "disk"
    disk.mkdir()
    with mounted(disk, "size=64k"):
        (disk / "filler").write_bytes(bytes(60 << 10))
        run = project.run("-o", disk / "out", status=75)
    assert re.fullmatch(r"charioteer: error: .*/disk/out.*: No space left on device\n", run.stderr)


@ROOT_ONLY
def test_a_test_that_fails_on_a_full_disk_is_infrastructure(project: Project) -> None:
    disk = project.folder / "disk"
    disk.mkdir()
    fill = f"with open('{disk}/filler', 'wb', 0) as file:\n    while True:\n"
    project.test("fills", fill + "        file.write(bytes(4096))\n")
    with mounted(disk, "size=4m"):
        run = project.run(status=75, TMPDIR=str(disk))
    assert f"tests/fills: {disk}: no space left on the disk" in run.stdout


@pytest.mark.limit(120)
def test_durations_are_kept_for_the_next_run(project: Project) -> None:
    project.test("good", QUICK)
    project.test("bad", QUICK_FAILURE)
    project.run("--history", "history.sqlite", status=1)
    with sqlite3.connect(project.folder / "history.sqlite") as connection:
        rows = connection.execute("SELECT test, seconds FROM runs").fetchall()
    ((test, seconds),) = rows
    assert test == "tests/good" and seconds > 0


def test_annotations_for_github_are_passed_on(project: Project) -> None:
    project.test("bad", FAILS)
    run = project.run(status=1, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(project.folder))
    assert re.search("^::error file=tests/bad/test.py,line=1,", run.stdout, re.MULTILINE)


def test_wrong_use_is_one_line(project: Project) -> None:
    project.test("good", QUICK)
    run = project.run("--history", "tests/good/test.py", status=2)
    assert "not a history" in run.stderr and run.stderr.count("\n") == 1
    run = project.run("--junit-xml", "missing/junit.xml", status=2)
    assert "--junit-xml missing/junit.xml: there is no folder missing" in run.stderr
    run = project.start("test", "missing")
    run.expect(2)
    assert run.stderr == "charioteer: error: missing: no such folder or cluster file\n"


def test_results_of_an_earlier_suite_are_not_taken_for_those_of_one_without_tests(
    project: Project,
) -> None:
    good = project.test("good", QUICK)
    project.run()
    (good / "cluster.toml").write_text("size = 1\n")
    project.run(status=2)
    assert not list(project.out.glob("*.*"))


def test_the_status_after_the_reader_has_gone_is_141(project: Project) -> None:
    project.test("good", QUICK)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [PROGRAMS / "charioteer", "test", "tests"],
            stdout=writer,
            stderr=subprocess.PIPE,
            env=project.environment,
            cwd=project.folder,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_two_suites_do_not_write_into_one_folder(project: Project) -> None:
    go_on = project.folder / "go-on"
    project.test("one", waiting_for(go_on))
    first = project.start("test", "tests")
    first.wait_for("started")
    second = project.run(status=2)
    assert "charioteer-out/suite is used by another suite" in second.stderr
    go_on.touch()
    first.expect(0)


@pytest.mark.limit(200)
def test_merged_shards_equal_one_run(project: Project) -> None:
    project.test("good", QUICK)
    project.test("bad", QUICK_FAILURE)
    project.test("killed", "import os\nos.kill(os.getpid(), 9)\n")
    project.run(status=1)
    names = ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"]
    for index in "567":
        variables = dict(zip(names, (index, "5", "3")))
        project.start("test", "tests", "--shard", "auto", **variables).finish(120)
    shards = sorted((project.folder / "charioteer-out").glob("shard-*-of-3"))
    assert len(shards) == 3
    run = project.start("merge", *shards, "--history", "history.sqlite")
    run.expect(1)
    assert "3 tests in" in run.stdout and "the reason" in run.stdout
    assert re.search("^  files: charioteer-out/shard-.-of-3/tests/", run.stdout, re.MULTILINE)

    def facts(folder: Path) -> list[object]:
        result = results.load(folder)
        assert result.complete and not result.problems
        return [
            (each.test, each.repetition, each.outcome, [a.reason for a in each.attempts])
            for each in result.tests
        ]

    merged = project.folder / "charioteer-out/merged"
    assert facts(merged) == facts(project.out)
    assert (merged / "junit.xml").is_file() and (merged / "index.html").is_file()
    for each in results.load(merged).tests:
        assert (merged / each.attempts[0].output / "log.txt").is_file()
    with sqlite3.connect(project.folder / "history.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_a_shard_does_not_change_the_history_that_divides_the_tests(project: Project) -> None:
    project.test("good", QUICK)
    project.run("--history", "history.sqlite", "--shard", "1/1")
    assert not (project.folder / "history.sqlite").exists()


@pytest.mark.limit(120)
def test_a_terminal_shows_the_running_tests(project: Project) -> None:
    go_on = project.folder / "go-on"
    project.test("waits", waiting_for(go_on))
    project.test("a-good", QUICK)
    env = {**project.environment, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    terminal = Terminal(["charioteer", "test", "tests"], env, project.folder, (100, 30))
    try:
        until(
            lambda: "1 running · 0 waiting" in terminal.screen
            and re.search("▸ .*tests/waits", terminal.screen) is not None
            and re.search(r"✓ passed .*tests/a-good", terminal.screen) is not None,
            60,
            lambda: terminal.screen,
        )
        go_on.touch()
        terminal.expect(0)
        assert "2 tests in" in terminal.screen and "running ·" not in terminal.screen
    finally:
        terminal.end()
