"""`charioteer test` when something around the tests fails, and tests without their last attempt."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from charioteer.suite import results

from support.patience import until
from support.suites import QUICK, QUICK_FAILURE, Project


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    made = Project(folder)
    yield made
    made.close()


def attempts(project: Project) -> dict[str, int]:
    return {each.test: len(each.attempts) for each in project.result.tests}


def test_a_history_that_was_damaged_meanwhile_is_a_warning(project: Project) -> None:
    history = project.folder / "history.sqlite"
    project.test("good", f"open({str(history)!r}, 'w').write('no database' * 100)\n")
    run = project.run("--history", history)
    assert f"warning: {history}: not a history of tests" in run.stdout
    assert project.outcomes() == {"good": "passed"}


def test_a_run_that_cannot_be_started_leaves_others_alone(project: Project) -> None:
    project.test(f"{'a' * 200}/{'b' * 200}", QUICK)
    project.test("good", QUICK)
    run = project.run("--retry", "1", status=75)
    assert sorted(project.outcomes().values()) == ["infrastructure", "passed"]
    assert ": File name too long" in run.stdout
    assert sorted(attempts(project).values()) == [1, 2]


def test_an_error_of_the_host_before_the_first_test_is_no_failure(project: Project) -> None:
    project.test("good", QUICK)
    run = project.run("--shard", "1/1", "--history", "x" * 300, status=75)
    assert run.stderr == f"charioteer: error: {'x' * 300}: File name too long\n"


def test_modules_in_the_working_directory_are_not_those_of_the_driver(project: Project) -> None:
    (project.folder / "charioteer.py").write_text("raise Exception('of the project')\n")
    project.test("good", QUICK)
    project.run()


@pytest.mark.limit(120)
def test_the_attempts_of_an_interrupted_test_are_kept(project: Project) -> None:
    marker = project.folder / "was-run"
    project.test(
        "bad",
        f"import time\nfrom pathlib import Path\nmarker = Path({str(marker)!r})\n"
        "if marker.exists():\n    time.sleep(1000)\n"
        "marker.touch()\nraise Exception('the reason')\n",
    )
    run = project.start("test", "tests", "--retry", "1")
    # The second attempt is shown after the first has ended.
    until(lambda: run.stdout.count("tests/bad: started") == 2, 60, run.report)
    run.send(signal.SIGINT)
    run.expect(130)
    assert attempts(project) == {"tests/bad": 1}
    assert project.result.not_run == [] and not project.result.complete


@pytest.mark.limit(120)
def test_no_attempt_is_started_after_a_failure_that_counts(project: Project) -> None:
    project.test("bad", QUICK_FAILURE)
    file = project.out / results.FILE_NAME
    project.test(
        "late",
        "import json, time\nfrom pathlib import Path\n"
        "def attempts():\n"
        f"    tests = json.loads(Path({str(file)!r}).read_text())['tests']\n"
        "    return [len(each['attempts']) for each in tests if each['test'] == 'tests/bad']\n"
        "while attempts() != [2]:\n    time.sleep(0.05)\n"
        "raise Exception('the reason')\n",
    )
    options = ("--processors", "2", "--memory", "4000")
    project.run("--retry", "1", "--until-fail", *options, status=1)
    assert attempts(project) == {"tests/bad": 2, "tests/late": 1}
    assert project.result.not_run == []
