"""Conversions of traces, and queries, with traces that were written by hand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from charioteer.cli.program import main
from charioteer.errors import InputError
from charioteer.trace import chrome, junit, otlp, query, records, text
from charioteer.trace.records import Trace

from support.json_schema import problems

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/trace.schema.json").read_text())
HEADER = {
    "kind": "run", "t": 0, "version": 1, "wall": "2026-11-29T14:00:00.000000Z",
    "program": "charioteer 1.2", "pid": 7, "trace_id": "ab" * 16, "parent_id": "cd" * 8,
}  # fmt: skip
RUN: list[dict[str, Any]] = [
    HEADER,
    {"kind": "phase", "t": 0.5, "phase": "script"},
    {"kind": "begin", "t": 1, "span": 1, "type": "step", "name": "script"},
    {"kind": "state", "t": 1.5, "state": "start", "machine": "web", "details": {"pid": "9"}},
    {"kind": "begin", "t": 2, "span": 2, "type": "step", "name": "must succeed: a", "parent": 1,
     "machine": "web", "line": 3},
    {"kind": "console", "t": 2.5, "machine": "web", "text": "a\x1b[31mb"},
    {"kind": "end", "t": 3, "span": 2, "duration": 1.0, "ok": True, "status": 0, "output": "x"},
    {"kind": "begin", "t": 4, "span": 3, "type": "subtest", "name": "part", "parent": 1, "line": 5},
    {"kind": "begin", "t": 4.5, "span": 4, "type": "step", "name": "must succeed: b", "parent": 3,
     "machine": "db", "line": 6, "callers": [5]},
    {"kind": "message", "t": 5, "level": "log", "text": "output: no", "machine": "db", "span": 4},
    {"kind": "end", "t": 6, "span": 4, "duration": 1.5, "ok": False, "status": 7,
     "error": "RequestedAssertionFailed: b failed"},
    {"kind": "end", "t": 6, "span": 3, "duration": 2.0, "ok": False, "error": "b failed"},
    {"kind": "message", "t": 6.5, "level": "test-error", "text": "b failed", "span": 1},
    {"kind": "end", "t": 7, "span": 1, "duration": 6.0, "ok": False, "error": "SystemExit: 1"},
    {"kind": "failed", "t": 7, "reason": "exit status 1"},
    {"kind": "phase", "t": 7, "phase": "clean-up"},
    {"kind": "begin", "t": 7.5, "span": 5, "type": "step", "name": "cleanup"},
    {"kind": "end", "t": 8, "span": 5, "duration": 0.5, "ok": True},
    {"kind": "omitted", "t": 8, "records": {"console": 12}},
    {"kind": "result", "t": 8, "status": "failed", "exit_status": 1},
]  # fmt: skip


@pytest.fixture
def trace() -> Trace:
    return Trace(RUN)


def written(folder: Path, content: bytes) -> Path:
    (folder / "trace.jsonl").write_bytes(content)
    return folder


def lines(count: int) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in RUN[:count])


class TestReading:
    def test_the_last_line_may_be_incomplete(self, tmp_path: Path) -> None:
        whole = lines(9)
        begin_of_last = len(lines(8))
        for size in range(begin_of_last, len(whole)):
            trace = records.load(written(tmp_path, whole[:size]))
            assert len(trace.records) in (8, 9)
        assert trace.status == "unfinished"

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"", "is no trace"),
            (b"[]\n", "trace.jsonl:1: not a record"),
            (b'{"kind": "phase", "t": 1}\n', "does not begin with a record of the run"),
            (b'{"kind": "run", "t": 0, "version": 2}\n', "has version 2, not 1"),
            (lines(2) + b"\xff\n{}\n", "trace.jsonl:3: not a record"),
        ],
    )
    def test_other_files_are_refused(self, tmp_path: Path, content: bytes, error: str) -> None:
        with pytest.raises(InputError, match=re.escape(error)):
            records.load(written(tmp_path, content))

    def test_an_end_without_a_begin_is_a_span(self) -> None:
        span = Trace([HEADER, RUN[6]]).spans[2]
        assert (span.begin, span.end, span.is_open) == (2.0, 3, False)

    def test_lines_of_journals_are_at_the_time_at_which_they_were_logged(self) -> None:
        line = {"kind": "journal", "t": 7, "age": 4.5, "machine": "db", "text": "sshd: no",
                "priority": 3}  # fmt: skip
        before = {**line, "age": 99, "text": "kernel: before the run"}
        assert not problems(line, SCHEMA)
        trace = Trace([*RUN[:-1], before, line, RUN[-1]])
        assert trace.header == HEADER and trace.records[-1] == RUN[-1]
        assert [(each["t"], each["text"]) for each in trace.of_kind("journal")] == [
            (0.0, "kernel: before the run"),
            (2.5, "sshd: no"),
        ]
        assert ask(trace, "log step=2 machine=db")["items"][0]["text"] == "sshd: no"
        assert "sshd: no" in [each["name"] for each in chrome.convert(trace)["traceEvents"]]


class TestChrome:
    def test_every_event_has_what_the_format_requires(self, trace: Trace) -> None:
        converted = json.loads(json.dumps(chrome.convert(trace)))
        for event in converted["traceEvents"]:
            assert {"ph", "name", "pid", "tid", "ts"} <= set(event)
            assert event["ph"] in "XiM" and isinstance(event["args"], dict)
            assert event["ph"] != "X" or event["dur"] >= 0
            assert event["ph"] != "i" or event["s"] in "tp"

    def test_machines_are_named_processes(self, trace: Trace) -> None:
        events = chrome.convert(trace)["traceEvents"]
        names = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
        assert set(names.values()) == {"run", "db", "web"}
        (step,) = (each for each in events if each["name"] == "must succeed: a")
        assert names[step["pid"]] == "web"
        assert (step["ts"], step["dur"]) == (2e6, 1e6)

    def test_spans_of_a_thread_are_nested(self, trace: Trace) -> None:
        spans = [each for each in chrome.convert(trace)["traceEvents"] if each["ph"] == "X"]
        for one in spans:
            for other in spans:
                if (one["pid"], one["tid"]) == (other["pid"], other["tid"]):
                    end, other_end = one["ts"] + one["dur"], other["ts"] + other["dur"]
                    is_apart = end <= other["ts"] or other_end <= one["ts"]
                    is_within = one["ts"] >= other["ts"] and end <= other_end
                    contains = one["ts"] <= other["ts"] and end >= other_end
                    assert is_apart or is_within or contains


class TestOtlp:
    def spans(self, trace: Trace) -> dict[str, Any]:
        (resource,) = otlp.convert(trace)["resourceSpans"]
        (scope,) = resource["scopeSpans"]
        return {each["name"]: each for each in scope["spans"]}

    def test_ids_and_times_are_as_the_json_of_protobuf_requires(self, trace: Trace) -> None:
        spans = self.spans(trace)
        assert len({each["spanId"] for each in spans.values()}) == 6
        for span in spans.values():
            assert span["traceId"] == "ab" * 16
            assert re.fullmatch("[0-9a-f]{16}", span["spanId"])
            assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
            for attribute in span["attributes"]:
                ((kind, value),) = attribute["value"].items()
                is_text = kind in ("stringValue", "intValue")
                assert isinstance(value, str) if is_text else kind in ("boolValue", "doubleValue",
                                                                       "arrayValue")  # fmt: skip
        assert spans["test run"]["startTimeUnixNano"] == "1795960800000000000"
        assert spans["must succeed: a"]["startTimeUnixNano"] == "1795960802000000000"

    def test_parents(self, trace: Trace) -> None:
        spans = self.spans(trace)
        assert spans["test run"]["parentSpanId"] == "cd" * 8
        assert spans["script"]["parentSpanId"] == spans["test run"]["spanId"]
        assert spans["must succeed: b"]["parentSpanId"] == spans["part"]["spanId"]

    def test_status_and_events(self, trace: Trace) -> None:
        spans = self.spans(trace)
        assert spans["test run"]["status"] == {"code": 2, "message": "exit status 1"}
        assert spans["must succeed: a"]["status"] == {"code": 1}
        (event,) = spans["must succeed: b"]["events"]
        assert event["name"] == "output: no"

    def test_ids_are_the_same_each_time(self, trace: Trace) -> None:
        assert otlp.convert(trace) == otlp.convert(Trace(RUN))


class TestJunit:
    def test_the_failure_of_the_current_case_has_its_explanation(self) -> None:
        explanation = {"kind": "explanation", "t": 8, "text": "why the test failed:\n  a & b"}
        assert not problems(explanation, SCHEMA)
        report = junit.convert(Trace([*RUN[:-1], explanation, RUN[-1]]))
        part, main_case = report.split('<testcase name="main"')
        assert (
            ">why the test failed:\n  a &amp; b</failure>" in part and "</failure>" not in main_case
        )

    def test_a_killed_run_has_failed(self) -> None:
        assert 'failures="1"' in junit.convert(Trace(RUN[:5]))
        assert "the run did not finish" in junit.convert(Trace(RUN[:5]))

    def test_a_failed_subtest_has_what_comes_after_it(self, trace: Trace) -> None:
        report = junit.convert(trace)
        part, main_case = report.split('<testcase name="main"')
        assert "<system-err>b failed</system-err>" in part and "system-err" not in main_case
        assert 'name="part" time="2.000"' in part


def ask(trace: Trace, question: str) -> dict[str, Any]:
    return query.answer(trace, query.parse(question))


class TestQueries:
    def test_status(self, trace: Trace) -> None:
        answer = ask(trace, "status")
        assert (answer["status"], answer["exit_status"], answer["phase"]) == (
            "failed",
            1,
            "clean-up",
        )
        assert answer["failed_step"]["name"] == "must succeed: b"
        assert answer["machines"] == ["db", "web"] and answer["omitted"] == {"console": 12}
        assert ask(Trace(RUN[:5]), "status")["open_steps"][1]["step"] == 2

    def test_error(self, trace: Trace) -> None:
        answer = ask(trace, "error")
        assert (answer["line"], answer["step"]["step"]) == (6, 4)
        assert answer["reason"] == "exit status 1" and answer["report"] == ["b failed"]

    def test_an_error_has_its_findings_by_rank(self) -> None:
        first, second = (
            {"kind": "finding", "t": 7, "rank": rank, "severity": "odd", "text": f"cause {rank}",
             "evidence": ["a line"], "source": "units"}
            for rank in (1, 2)
        )  # fmt: skip
        assert not problems(first, SCHEMA)
        trace = Trace([*RUN[:14], second, first, *RUN[14:]])
        assert ask(trace, "error")["findings"] == [first, second]
        assert "cause 1" in [each["name"] for each in chrome.convert(trace)["traceEvents"]]
        assert '"cause 2"' in json.dumps(otlp.convert(trace))

    def test_an_error_that_the_script_has_handled_is_not_the_failed_step(self) -> None:
        later = {"kind": "begin", "t": 6.2, "span": 6, "type": "step", "name": "c", "parent": 1}
        end = {"kind": "end", "t": 6.3, "span": 6, "duration": 0.1, "ok": True}
        step = Trace([*RUN[:12], later, end, *RUN[12:]]).failed_step()
        assert step is not None and step.name == "script"

    @pytest.mark.parametrize(
        ("question", "found"),
        [
            ("steps", ["script", "must succeed: a", "part", "must succeed: b", "cleanup"]),
            ("steps machine=web,db", ["must succeed: a", "must succeed: b"]),
            ("steps state=failed type=subtest", ["part"]),
            ("steps line=3", ["must succeed: a"]),
            ("steps longer=2", ["script", "part"]),
            ("steps from=7.2", ["cleanup"]),
            ("steps match='succeed: [ab]' first=1", ["must succeed: a"]),
            ("steps last=0", []),
        ],
    )
    def test_steps(self, trace: Trace, question: str, found: list[str]) -> None:
        answer = ask(trace, question)
        assert [each["name"] for each in answer["items"]] == found
        if "first" in question or "last" in question:
            assert answer["left_out"] + len(found) in (2, 5)

    @pytest.mark.parametrize(
        ("question", "found"),
        [
            ("log", ["a\x1b[31mb", "output: no", "b failed"]),
            ("log from=4 to=6", ["output: no"]),
            ("log step=2", ["a\x1b[31mb"]),
            ("log level=test-error", ["b failed"]),
            ("log kind=console", ["a\x1b[31mb"]),
            ("log machine=db", ["output: no"]),
            ("events kind=message match=^b", ["b failed"]),
        ],
    )
    def test_log_and_events(self, trace: Trace, question: str, found: list[str]) -> None:
        assert [each["text"] for each in ask(trace, question)["items"]] == found

    @pytest.mark.parametrize(
        ("question", "error"),
        [
            ("", "expected one of status, error, steps, log, events at its begin"),
            ("what", "expected one of status, error, steps, log, events at its begin"),
            ("status x=1", "x=1: after status expected nothing"),
            ("log longer=1", "longer=1: after log expected from=..., to=..., step=..."),
            ("log from", "from: after log expected"),
            ("log from=soon", "from=soon: expected a number"),
            ("log from=nan", "from=nan: expected a number"),
            ("log match=(", "match=(: missing )"),
            ("log match='", "No closing quotation"),
            ("log step=99", "step=99: the trace has no such step"),
        ],
    )
    def test_wrong_queries_name_what_was_expected(
        self, trace: Trace, question: str, error: str
    ) -> None:
        with pytest.raises(InputError, match=re.escape(error)):
            ask(trace, question)

    def test_text_for_people_has_no_control_characters(self, trace: Trace) -> None:
        for question in ("status", "error", "steps", "log", "events"):
            for line in text.lines_of(ask(trace, question)):
                assert line.isprintable(), repr(line)


class TestProgram:
    def test_formats(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = str(written(tmp_path, lines(len(RUN))))
        assert main(["trace", folder, "--format", "chrome"]) == 0
        assert "traceEvents" in json.loads(capsys.readouterr().out)
        assert main(["trace", folder, "--format=junit", "-o", str(tmp_path / "report.xml")]) == 0
        assert capsys.readouterr().out == ""
        assert (tmp_path / "report.xml").read_text() == junit.convert(Trace(RUN)) + "\n"

    def test_queries(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = str(written(tmp_path, lines(len(RUN))))
        assert main(["trace", folder]) == 0
        assert "status: failed" in capsys.readouterr().out
        assert main(["trace", folder, "--query", "log last=1", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["items"][0]["text"] == "b failed" and answer["left_out"] == 2

    def test_errors(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["trace", str(tmp_path)]) == 2
        assert "there is no trace" in capsys.readouterr().err
        folder = str(written(tmp_path, lines(3)))
        assert main(["trace", folder, "--query", "nothing"]) == 2
