"""What a run with the real core and a fake QEMU shows and writes when its script has failed."""

import re
from xml.etree import ElementTree

import pytest
from charioteer.trace import junit, records

from support.testbed import Testbed

SCREEN = "!!! why the test failed:\n"
FAILING = "web.succeed('cat /etc/no-such-file >&2')"


def test_the_cause_comes_last_and_is_in_all_reports(testbed: Testbed) -> None:
    configuration = testbed.configuration(FAILING)
    run = testbed.run_driver(configuration, "--trace", "--junit-xml=junit.xml")
    run.expect(1)
    log, _, screen = run.stderr.partition(SCREEN)
    assert "cleanup" in log and "!!! RequestedAssertionFailed" in log
    lines = screen.removesuffix("\n").split("\n")
    assert all(each.startswith("!!!   ") for each in lines), screen
    assert lines[0] == f"!!!   line 1: {FAILING}"
    assert "/etc/no-such-file does not exist" in screen
    details = testbed.out / "diagnosis.txt"
    assert lines[-1].endswith(str(details)) and details.stat().st_mode & 0o777 == 0o600
    assert "==== web" in details.read_text()
    suite = ElementTree.parse(testbed.out / "junit.xml").getroot()[0]
    failure = suite.findtext("testcase/failure") or ""
    assert failure.startswith("why the test failed:\n")
    assert "/etc/no-such-file does not exist" in failure
    converted = ElementTree.fromstring(junit.convert(records.load(testbed.out)).encode())
    assert converted.findtext("testsuite/testcase/failure") == failure
    found = records.load(testbed.out).of_kind("finding")
    assert [each["rank"] for each in found] == list(range(1, len(found) + 1))
    assert any(each["text"] == "/etc/no-such-file does not exist" for each in found)


def test_the_questions_are_no_step_and_check_no_condition(testbed: Testbed) -> None:
    script = """\
        @polling_condition(seconds_interval=0)
        def holds():
            print("checked")

        with holds:
            web.start()
            try:
                web.fail("true")
            finally:
                print("failed")
    """
    run = testbed.run_driver(testbed.configuration(script), "--trace")
    run.expect(1)
    assert SCREEN in run.stderr and "checked" not in run.stdout.partition("failed")[2]
    names = [each.name for each in records.load(testbed.out).spans.values()]
    assert not any("section" in each for each in names)


def test_the_questions_are_not_recorded_by_checkpoints(testbed: Testbed) -> None:
    store = str(testbed.folder / "checkpoints")
    configuration = testbed.configuration(FAILING)
    run = testbed.run_driver(configuration, "--checkpoint", CHARIOTEER_CHECKPOINTS=store)
    run.expect(1)
    assert "/etc/no-such-file does not exist" in run.stderr.partition(SCREEN)[2]
    files = [path for path in (testbed.folder / "checkpoints").rglob("*") if path.is_file()]
    assert any(b"no-such-file" in path.read_bytes() for path in files)
    assert not any(b"section clock" in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("script", "options", "status"),
    [
        (FAILING, ["--no-diagnosis"], 1),
        ("pass", [], 0),
        ("assert False, 'no machine was started'", [], 1),
        ("import sys; sys.exit(0)", [], 0),
        ("no_such_name", [], 1),
        ("x = = 1", [], 1),
    ],
)
def test_without_a_diagnosis(
    testbed: Testbed, script: str, options: list[str], status: int
) -> None:
    run = testbed.run_driver(testbed.configuration(script), *options)
    run.expect(status)
    assert SCREEN not in run.stderr and not (testbed.out / "diagnosis.txt").exists()


def test_the_details_of_an_earlier_run_are_removed(testbed: Testbed) -> None:
    testbed.run_driver(testbed.configuration(FAILING)).expect(1)
    assert (testbed.out / "diagnosis.txt").exists()
    testbed.run_driver(testbed.configuration("pass")).expect(0)
    assert not (testbed.out / "diagnosis.txt").exists()


def test_machines_that_are_off_are_not_started(testbed: Testbed) -> None:
    starts = [testbed.start_script(name) for name in ("web", "db")]
    script = "web.succeed('true')\nassert 1 == 2, 'numbers differ'"
    run = testbed.run_driver(testbed.configuration(script, starts))
    run.expect(1)
    assert "db: starting vm" not in run.stderr
    assert "!!!   happened: numbers differ" in run.stderr.partition(SCREEN)[2]


def test_the_end_of_qemu_is_the_cause(testbed: Testbed) -> None:
    script = """
        web.start()
        web.handle.process.kill()
        web.handle.process.wait(60)
        web.succeed("true")
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(1)
    assert "1. web: QEMU has ended" in run.stderr.partition(SCREEN)[2]


def test_github_actions(testbed: Testbed) -> None:
    summary = testbed.folder / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(testbed.folder)}
    run = testbed.run_driver(
        testbed.configuration(FAILING), GITHUB_STEP_SUMMARY=str(summary), **environment
    )
    run.expect(1)
    assert "\n::error file=test.py,line=1,title=Test failed::command `cat /etc/no" in run.stdout
    assert "why the test failed:" in summary.read_text()


def test_the_team_is_kept_alive_until_ctrl_c(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration(FAILING), "--keep-alive")
    run.wait_for("charioteer shell web@")
    assert SCREEN in run.stderr and "cleanup" not in run.stderr
    run.press_ctrl_c()
    run.expect(1)
    assert "cleanup" in run.stderr and run.stderr.count(SCREEN) == 1


def test_the_time_limit_of_the_run_ends_a_team_that_is_kept_alive(testbed: Testbed) -> None:
    reached = testbed.folder / "reached"
    # The limit begins when the machines are kept, however long it takes until then.
    script = f"""
        import os, threading, time
        def limit():
            while not os.path.exists({str(reached)!r}):
                time.sleep(0.05)
            driver.global_timeout = 0.1
            driver.race_timer.start()
        threading.Thread(target=limit, daemon=True).start()
        {FAILING}
    """
    run = testbed.run_driver(testbed.configuration(script), "--keep-alive")
    run.wait_for("charioteer shell web@")
    reached.touch()
    run.expect(143)
    assert "cleanup" in run.stderr


def test_a_machine_that_does_not_answer_is_named(testbed: Testbed) -> None:
    starts = [testbed.start_script("web", mode="ignore-commands"), testbed.start_script("db")]
    script = "web.connect()\ndb.succeed('cat /etc/no-such-file')"
    run = testbed.run_driver(testbed.configuration(script, starts))
    run.expect(1)
    screen = run.stderr.partition(SCREEN)[2]
    # Longer than 5 s on a loaded host.
    assert re.search(r"!!!   no answer from web: within [\d.]+ s", screen)
    assert "/etc/no-such-file does not exist" in screen


def test_ctrl_c_ends_the_questions(testbed: Testbed) -> None:
    start = testbed.start_script("web", mode="ignore-commands")
    configuration = testbed.configuration(
        "web.start()\nweb.connect()\nassert False, 'wrong'", [start]
    )
    run = testbed.run_driver(configuration)
    run.wait_for("asking the machines for the cause")
    run.press_ctrl_c()
    run.expect(1)
    assert "!!! the questions for the cause were ended by Ctrl-C" in run.stderr
    assert "!!!   happened: wrong" in run.stderr
