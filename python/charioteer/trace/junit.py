"""A trace as a JUnit report with the same cases and results as that of `--junit-xml`.

Differences: texts of a trace are bounded, and console lines are where they came, not where the
script next logged.
"""

from typing import Any

from charioteer import _core as core
from charioteer.trace.records import Record, Trace

Case = dict[str, Any]


def convert(trace: Trace) -> str:
    """The report."""
    cases = _Cases()
    for record in trace.records:
        cases.add(record)
    if trace.status == "unfinished":
        cases.run_failed("the run did not finish")
    elif trace.result is not None and (reason := trace.result.get("reason")):
        cases.run_failed(reason)
    cases.main["time"] = trace.end
    return core.junit_text([cases.main, *cases.subtests.values()])


class _Cases:
    def __init__(self) -> None:
        self.main = _case("main")
        self.subtests: dict[str, Case] = {}
        self._open: dict[int, tuple[Case, int]] = {}
        """The subtests that have not passed (yet), by span, each with its thread."""

    def add(self, record: Record) -> None:
        kind = record["kind"]
        if kind == "failed":
            self.run_failed(record["reason"])
        elif kind == "begin" and record["type"] == "step":
            self._log(record["name"])
        elif kind == "begin" and record["type"] == "subtest":
            self._begin_subtest(record)
        elif kind == "end":
            self._end_subtest(record)
        elif kind == "explanation":
            self._current()["explanation"] = record["text"]
            self._current()["failed"] = True
        elif not record.get("hidden"):
            self._add_text(record)

    def run_failed(self, reason: str) -> None:
        if not any(each["failed"] for each in (self.main, *self.subtests.values())):
            self._fail(reason)

    def _current(self) -> Case:
        return next(reversed(self._open.values()))[0] if self._open else self.main

    def _log(self, text: str) -> None:
        self._current()["output"].append(text)

    def _fail(self, text: str) -> None:
        self._current()["errors"].append(text)
        self._current()["failed"] = True

    def _add_text(self, record: Record) -> None:
        if record["kind"] == "console":
            self._log(f"{record['machine']} # {record['text']}")
        elif record["kind"] == "message":
            is_error = record["level"] in ("error", "test-error")
            (self._fail if is_error else self._log)(record["text"])

    def _begin_subtest(self, record: Record) -> None:
        case = self.subtests.setdefault(record["name"], _case(record["name"]))
        self._open[record["span"]] = (case, record.get("thread", 0))
        self._log(f"subtest: {record['name']}")

    def _end_subtest(self, record: Record) -> None:
        if record["span"] not in self._open:
            return
        case, thread = self._open[record["span"]]
        case["time"] += record["duration"]
        if not record["ok"]:
            return  # later messages explain why
        inner = False
        for span, (_, each) in list(self._open.items()):
            inner = inner or span == record["span"]
            if inner and each == thread:
                del self._open[span]


def _case(name: str) -> Case:
    return {
        "name": name,
        "output": [],
        "errors": [],
        "failed": False,
        "time": 0.0,
        "explanation": "",
    }
