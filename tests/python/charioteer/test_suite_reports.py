"""The files of a suite: results, JUnit report and page."""

import json
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from charioteer.errors import InputError
from charioteer.style import Style
from charioteer.suite import index, junit, reports, results, summary
from charioteer.suite.outcome import Outcome, combined
from charioteer.suite.quarantine import Quarantined
from charioteer.suite.results import Attempt, ShardOf, SuiteResult, TestResult

FAILURE = Attempt(
    Outcome.FAILED, "it failed", 2.5, 300, 0.5, "tests/a", "tests/a/r.html", ["<why>"]
)
PASS = Attempt(Outcome.PASSED, "", 1.5, output="tests/a")
BROKEN = Attempt(Outcome.INFRASTRUCTURE, "killed")
LISTED = Quarantined("issue 1", date(2027, 1, 31))


def result_of(name: str, *attempts: Attempt, listed: Quarantined | None = None) -> TestResult:
    outcome = combined([each.outcome for each in attempts])
    return TestResult(name, 1, outcome, list(attempts), 500, 2, listed)


ALL = SuiteResult(
    "2027-01-01T10:00:00+00:00",
    12.5,
    [
        result_of("x/failed", FAILURE),
        result_of("x/flaky", FAILURE, PASS),
        result_of("x/broken", BROKEN),
        result_of("x/listed", FAILURE, listed=LISTED),
        replace(result_of("passed", PASS), repetition=2),
    ],
    not_run=["x/late"],
    shard=ShardOf(1, 2, "abc"),
    host="here",
)


def test_a_result_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    results.write(ALL, tmp_path)
    assert results.load(tmp_path) == results.load(tmp_path / "results.json") == ALL
    assert (tmp_path / "results.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"version": 2}', '{"version": 1}', '{"version": 1, "tests": 3}']
)
def test_an_invalid_result_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(InputError, match="results.json: "):
        results.load(tmp_path)


@pytest.mark.parametrize(
    "where, value",
    [
        (["begin"], 5),
        (["begin"], "x"),
        (["begin"], "9999-12-31T23:59:59"),
        (["seconds"], "1"),
        (["seconds"], float("nan")),
        (["not_run"], None),
        (["not_run", 0], 3),
        (["complete"], 1),
        (["size"], 1),
        (["shard", "index"], True),
        (["tests"], {}),
        (["tests", 0], []),
        (["tests", 0, "outcome"], "good"),
        (["tests", 0, "outcome"], []),
        (["tests", 0, "attempts"], []),
        (["tests", 0, "attempts", 0, "cause"], "why"),
        (["tests", 3, "quarantined"], 3),
        (["tests", 3, "quarantined", "until"], "soon"),
    ],
)
def test_an_invalid_field_is_named(tmp_path: Path, where: list[str | int], value: object) -> None:
    file = results.write(ALL, tmp_path)
    content = json.loads(file.read_text())
    parent = content
    for key in where[:-1]:
        parent = parent[key]
    parent[where[-1]] = value
    file.write_text(json.dumps(content))
    name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where)[1:]
    with pytest.raises(InputError) as caught:
        results.load(tmp_path)
    assert f"results.json: not a valid result file: {name}: expected" in str(caught.value)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    file = results.write(ALL, tmp_path)
    file.write_text(file.read_text().replace('"declared_memory": 500,', ""))
    with pytest.raises(InputError, match=r"tests\[0\].declared_memory: expected"):
        results.load(tmp_path)


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        results.write_file(pipe, "text")
        assert os.read(reader, 100) == b"text" and pipe.is_fifo()
    finally:
        os.close(reader)


def test_an_error_of_the_owner_of_a_folder_is_no_other_suite(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), results.owned(tmp_path):
        with pytest.raises(InputError, match="used by another suite"), results.owned(tmp_path):
            pass
        raise BlockingIOError("fork")


@pytest.mark.parametrize(
    "tests, status",
    [
        ([result_of("a", PASS)], 0),
        ([result_of("a", FAILURE, PASS)], 0),
        ([result_of("a", FAILURE)], 1),
        ([result_of("a", BROKEN)], 75),
        ([result_of("a", BROKEN), result_of("b", FAILURE)], 1),
        ([result_of("a", FAILURE, listed=LISTED), result_of("b", BROKEN, listed=LISTED)], 0),
    ],
)
def test_the_exit_status(tests: list[TestResult], status: int) -> None:
    assert SuiteResult("", 0, tests).status == status


def test_missing_results_are_no_success() -> None:
    assert SuiteResult("", 0, [], complete=False).status == 75
    assert SuiteResult("", 0, [], problems=["shard 2 is missing"]).status == 75


def test_the_junit_report_has_a_case_for_each_result() -> None:
    root = ElementTree.fromstring(junit.text_of(ALL).partition("\n")[2])
    counts = {key: root.attrib[key] for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "1", "errors": "1", "skipped": "2"}
    children = {
        each.attrib["name"]: [child.tag for child in each] for each in root.iter("testcase")
    }
    assert children == {
        "failed": ["failure"],
        "flaky": ["flakyFailure"],
        "broken": ["error"],
        "listed": ["skipped", "system-out"],
        "passed [2]": [],
        "late": ["skipped"],
    }


def test_the_junit_report_of_an_interrupted_suite_has_an_error() -> None:
    text = junit.text_of(replace(ALL, tests=[], complete=False))
    root = ElementTree.fromstring(text.partition("\n")[2])
    assert root.attrib["errors"] == "1" and root.attrib["tests"] == "2"
    (error,) = root.iter("error")
    assert "interrupted or killed" in error.attrib["message"]


def test_what_xml_cannot_contain_is_replaced() -> None:
    odd = replace(FAILURE, reason="a\x00b\ud800c", cause=["\x1b<&"])
    text = junit.text_of(replace(ALL, tests=[result_of("x/\x01", odd)]))
    root = ElementTree.fromstring(text.partition("\n")[2])
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == "a\ufffdb\ufffdc" and failure.text == "\ufffd<&"


def test_the_page_has_failures_first_and_escapes_texts() -> None:
    text = index.text_of(ALL)
    assert text.index("x/failed") < text.index("x/broken") < text.index("x/flaky")
    assert "&lt;why&gt;" in text and "<why>" not in text
    assert 'href="tests/a/r.html"' in text and "shard 1 of 2" in text
    assert "quarantined until 2027-01-31: issue 1" in text and "x/late" in text


def test_no_text_of_a_result_is_markup_or_a_placeholder_of_the_page() -> None:
    odd = "<script>\"'$count</script>"
    attempt = replace(FAILURE, reason=odd, output=odd, report="", cause=[odd])
    tests = [
        result_of(odd, attempt, replace(attempt, report=odd), listed=replace(LISTED, reason=odd))
    ]
    text = index.text_of(replace(ALL, tests=tests, not_run=[odd], problems=[odd]))
    escaped = "&lt;script&gt;&quot;&#x27;$count&lt;/script&gt;"
    assert "<script" not in text and text.count(escaped) == 8
    assert text.count("%3Cscript%3E%22%27%24count%3C/script%3E") == 2


def test_the_summary_names_all_that_did_not_simply_pass() -> None:
    lines = list(summary.lines_of(ALL, Path("out"), Style(False)))
    assert "5 tests in 12.5 s: 1 passed, 2 failed, 1 flaky, 1 infrastructure, 1 not run" in lines
    end = lines[lines.index("  flaky: x/flaky passed at attempt 2") :]
    assert end == [
        "  flaky: x/flaky passed at attempt 2",
        "  failed: x/failed",
        "  failed, which does not count: x/listed is quarantined until 2027-01-31: issue 1",
        "  infrastructure: x/broken",
        "  not run: x/late",
    ]
    assert "  files: out/tests/a" in lines and "  <why>" in lines


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        reports.write(ALL, tmp_path, tmp_path / "missing/junit.xml")
    assert caught.value.filename == str(tmp_path / "missing/junit.xml")
    assert json.loads((tmp_path / "results.json").read_text())["version"] == 1
