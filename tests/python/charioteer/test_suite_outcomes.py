"""How runs have ended, the quarantine list, and which tests there are."""

import json
from datetime import date
from pathlib import Path

import pytest

from charioteer.errors import InputError
from charioteer.suite import cause, discovery, quarantine
from charioteer.suite.outcome import Ended, Outcome, classify, combined, facts_of_trace
from charioteer.suite.quarantine import Quarantined
from charioteer.suite.running import overdue

from support.unreadable import refuse_reading

PASSED, FAILED, FLAKY, INFRASTRUCTURE = (
    *(Outcome.PASSED, Outcome.FAILED, Outcome.FLAKY, Outcome.INFRASTRUCTURE),
)
MACHINE = '[machines.web]\nguest = "minimal"\n'


@pytest.mark.parametrize(
    "ended, outcome, reason",
    [
        (Ended(0), PASSED, ""),
        (Ended(1), FAILED, "the test script failed"),
        (Ended(7), FAILED, "with exit status 7"),
        (Ended(3), FAILED, "with exit status 3"),
        (Ended(75), FAILED, "with exit status 75"),
        (Ended(3, script_began=False), INFRASTRUCTURE, "or a program is not installed"),
        (Ended(2, script_began=False), INFRASTRUCTURE, "rejected its input"),
        (Ended(1, script_began=False), INFRASTRUCTURE, "before the test script"),
        (Ended(-9), INFRASTRUCTURE, "SIGKILL"),
        (Ended(-11), INFRASTRUCTURE, "SIGSEGV"),
        (Ended(-15), INFRASTRUCTURE, "SIGTERM"),
        (Ended(-37), INFRASTRUCTURE, "signal 37"),
        (Ended(143), INFRASTRUCTURE, "SIGTERM"),
        (Ended(130), INFRASTRUCTURE, "SIGINT"),
        (Ended(-15, at_limit=True), FAILED, "time limit"),
        (Ended(141), INFRASTRUCTURE, "log could not be written"),
        (Ended(1, full_disk=Path("/out")), INFRASTRUCTURE, "/out: no space left"),
        (Ended(-9, overdue="too late"), INFRASTRUCTURE, "too late"),
    ],
)
def test_the_outcome_of_a_run(ended: Ended, outcome: Outcome, reason: str) -> None:
    found, text = classify(ended)
    assert found is outcome
    assert reason in text and bool(text) is bool(reason)


@pytest.mark.parametrize(
    "attempts, outcome",
    [
        ([PASSED], PASSED),
        ([FAILED, PASSED], FLAKY),
        ([INFRASTRUCTURE, PASSED], PASSED),
        ([INFRASTRUCTURE, FAILED, PASSED], FLAKY),
        ([FAILED, INFRASTRUCTURE], FAILED),
        ([INFRASTRUCTURE, INFRASTRUCTURE], INFRASTRUCTURE),
    ],
)
def test_the_outcome_of_attempts(attempts: list[Outcome], outcome: Outcome) -> None:
    assert combined(attempts) is outcome


def test_a_trace_shows_whether_the_script_began_and_its_limit_passed(tmp_path: Path) -> None:
    assert facts_of_trace(tmp_path) == (False, False)
    records = [
        {"kind": "run", "t": 0, "version": 1},
        {"kind": "phase", "t": 0, "phase": "set-up"},
        {"kind": "phase", "t": 1, "phase": "script"},
        {"kind": "message", "t": 9, "text": "timeout reached; test terminating..."},
    ]
    for count, expected in ((2, (False, False)), (3, (True, False)), (4, (True, True))):
        lines = "".join(json.dumps(each) + "\n" for each in records[:count])
        (tmp_path / "trace.jsonl").write_text(lines)
        assert facts_of_trace(tmp_path) == expected


def test_a_run_is_late_when_its_driver_does_not_begin_or_end() -> None:
    assert not overdue(7000, None, 60)
    assert "not begun" in overdue(7300, None, 60)
    assert not overdue(9000, 200, 60)
    assert "not ended" in overdue(9000, 250, 60)


def write_list(folder: Path, text: str) -> Path:
    file = folder / "quarantine.toml"
    file.write_text(text)
    return file


ENTRY = '[[quarantine]]\ntest = "a/b"\nreason = "issue 1"\nuntil = 2027-01-31\n'


def test_a_quarantine_ends_after_its_last_day(tmp_path: Path) -> None:
    file = write_list(tmp_path, ENTRY)
    last = date(2027, 1, 31)
    assert quarantine.load(file, last) == {"a/b": Quarantined("issue 1", last)}
    with pytest.raises(InputError) as caught:
        quarantine.load(file, date(2027, 2, 1))
    assert str(caught.value).startswith(f"{file}: the quarantine of a/b has expired on 2027-01-31")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text, named",
    [
        (ENTRY.replace("2027-01-31", '"soon"'), "until: expected a date"),
        (ENTRY.replace("issue 1", " "), "reason: expected"),
        (ENTRY + ENTRY, "each test once"),
        (ENTRY + "who = 1\n", "who: unknown key"),
        ('[[quarantine]]\ntest = "a"\nreason = "b"\n', "until: missing"),
    ],
)
def test_an_invalid_quarantine_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        quarantine.load(write_list(tmp_path, text), date(2027, 1, 1))


def write_test(folder: Path, text: str = MACHINE, script: bool = True) -> None:
    folder.mkdir(parents=True)
    (folder / "cluster.toml").write_text(text)
    if script:
        (folder / "test.py").touch()


def test_tests_are_found_once_with_the_paths_of_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("suite/one", "suite/deep/two", "suite/.hidden/no", "suite/charioteer-out/no"):
        write_test(tmp_path / name)
    write_test(tmp_path / "suite/machines-only", script=False)
    found = discovery.find([Path("suite"), Path("suite/one"), tmp_path / "suite/deep"])
    assert [each.name for each in found] == ["suite/deep/two", "suite/one"]


def test_all_invalid_cluster_files_are_named(tmp_path: Path) -> None:
    write_test(tmp_path / "one", MACHINE + "size = 1\n")
    write_test(tmp_path / "two", "")
    with pytest.raises(InputError) as caught:
        discovery.find([tmp_path])
    lines = str(caught.value).split("\n")
    assert len(lines) == 2 and "size" in lines[0] and "two/cluster.toml" in lines[1]


def test_two_tests_of_one_name_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # A test in the working directory has the name in its file.
    (tmp_path / "test.py").touch()
    (tmp_path / "cluster.toml").write_text('name = "one"\n' + MACHINE)
    write_test(tmp_path / "one")
    with pytest.raises(InputError, match="the test is called one, as that of .*cluster.toml"):
        discovery.find([Path()])


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_test(tmp_path / "one")
    write_test(tmp_path / "two")
    refuse_reading(tmp_path / "two", monkeypatch)
    with pytest.raises(InputError, match="two: Permission denied"):
        discovery.find([tmp_path])


def test_a_folder_without_tests_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no test"):
        discovery.find([tmp_path])
    with pytest.raises(InputError, match="no such folder"):
        discovery.find([tmp_path / "missing"])


def test_the_cause_is_what_the_driver_has_logged_last(tmp_path: Path) -> None:
    log = tmp_path / cause.LOG
    assert cause.excerpt(tmp_path) == []
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert cause.excerpt(tmp_path) == [f"line {number}" for number in range(75, 100)]
    with log.open("a") as file:
        file.write("Traceback (most recent call last):\n  nonsense()\nNameError: nonsense\n")
    assert cause.excerpt(tmp_path) == [
        "Traceback (most recent call last):",
        "  nonsense()",
        "NameError: nonsense",
    ]
    led_to = "\nDuring handling of the above exception, another exception occurred:\n\n"
    with log.open("a") as file:
        file.write(f"{led_to}Traceback (most recent call last):\nKeyError: 1\n")
        file.write("web # Traceback (most recent call last):\nweb # of a guest\n")
    assert cause.excerpt(tmp_path)[:4] == [
        "Traceback (most recent call last):",
        "  nonsense()",
        "NameError: nonsense",
        led_to.strip(),
    ]
    with log.open("a") as file:
        file.write(
            "\x1b[1m!!! why the test failed:\x1b[0m\n!!!   line 3: x()\nartefacts are there\n"
        )
    assert cause.excerpt(tmp_path) == ["why the test failed:", "  line 3: x()"]
