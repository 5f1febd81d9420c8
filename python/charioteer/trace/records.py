"""A trace as it was written: its records, and the spans that they describe."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from charioteer.errors import InputError

FILE_NAME = "trace.jsonl"
VERSION = 1
Record = dict[str, Any]


@dataclass
class Span:
    """A step, subtest or call. Times are seconds since the start of the run."""

    number: int
    begin: float
    end: float
    """The end of the trace, if it `is_open`."""
    is_open: bool = True
    fields: Record = field(default_factory=dict)
    """The fields of both of its records, without those that are attributes here."""

    @property
    def name(self) -> str:
        return str(self.fields.get("name", "(its begin was left out)"))

    @property
    def type(self) -> str:
        return str(self.fields.get("type", "step"))

    @property
    def machine(self) -> str:
        """Empty, if it concerns no machine."""
        return str(self.fields.get("machine", ""))

    @property
    def parent(self) -> int | None:
        parent: int | None = self.fields.get("parent")
        return parent

    @property
    def thread(self) -> int:
        return int(self.fields.get("thread", 0))

    @property
    def has_failed(self) -> bool:
        return not self.is_open and not self.fields.get("ok", True)

    @property
    def duration(self) -> float:
        return self.end - self.begin

    @property
    def line(self) -> int | None:
        """The line of the script at which it failed, or else was begun."""
        raised = self.fields.get("raised_at") or [self.fields.get("line")]
        line: int | None = raised[-1]
        return line


class Trace:
    """The trace of a run, which may still last or may have been killed."""

    def __init__(self, records: list[Record]) -> None:
        """`records` begin with that of the run, as they were written. `self.records` is in the order
        of time: lines of journals are at the time at which they were logged.
        """
        self.records = _by_time(records)
        self.header = records[0]
        self.end = max(float(each["t"]) for each in records)

    def of_kind(self, kind: str) -> list[Record]:
        return [each for each in self.records if each["kind"] == kind]

    @cached_property
    def spans(self) -> dict[int, Span]:
        """All spans by their numbers, in the order of their begin."""
        spans: dict[int, Span] = {}
        for record in self.records:
            if record["kind"] not in ("begin", "end"):
                continue
            others = {k: v for k, v in record.items() if k not in _OF_SPANS}
            number = record["span"]
            if record["kind"] == "begin":
                spans[number] = Span(number, record["t"], self.end, fields=others)
                continue
            begin = max(0.0, record["t"] - record["duration"])
            span = spans.setdefault(number, Span(number, begin, self.end))
            span.fields.update(others)
            span.end, span.is_open = record["t"], False
        return dict(sorted(spans.items(), key=lambda item: item[1].begin))

    @cached_property
    def result(self) -> Record | None:
        """The last record of a run that has ended by itself."""
        return next(iter(self.of_kind("result")), None)

    @property
    def status(self) -> str:
        """passed, failed or interrupted; unfinished if the run lasts or was killed."""
        return "unfinished" if self.result is None else str(self.result["status"])

    @property
    def phase(self) -> str:
        """The last phase that was entered."""
        return next((str(each["phase"]) for each in reversed(self.of_kind("phase"))), "start")

    @property
    def machines(self) -> list[str]:
        return sorted({str(each["machine"]) for each in self.records if each.get("machine")})

    @property
    def omitted(self) -> dict[str, int]:
        """How many records of each kind were left out."""
        sums: dict[str, int] = {}
        for record in self.of_kind("omitted"):
            for kind, count in record["records"].items():
                sums[kind] = sums.get(kind, 0) + count
        return sums

    def failed_step(self) -> Span | None:
        """The innermost step that failed last, and that ended the script if that has failed."""
        found: Span | None = None
        while True:
            parent = found.number if found else None
            steps = [each for each in self.spans.values() if each.parent == parent]
            failed = [each for each in steps if each.has_failed]
            if not failed:
                return found
            last = max(failed, key=lambda each: each.end)
            # The script has handled an error after which it went on.
            later = (s for s in steps if s.thread == last.thread and s.begin >= last.end)
            if found is not None and any(later):
                return found
            found = last

    def wall(self, seconds: float) -> datetime:
        """The time of the wall clock at `seconds` after the start of the run."""
        return datetime.fromisoformat(self.header["wall"]) + timedelta(seconds=seconds)


_OF_SPANS = ("kind", "t", "span", "duration")


def _by_time(records: list[Record]) -> list[Record]:
    """The records with lines of journals, which are recorded later, at the times of those."""
    if not any(each["kind"] == "journal" for each in records):
        return records
    placed = []
    for each in records:
        if each["kind"] == "journal":
            others = {name: value for name, value in each.items() if name != "age"}
            each = {**others, "t": max(0.0, each["t"] - each["age"])}
        placed.append(each)
    return sorted(placed, key=lambda each: float(each["t"]))


def unit_text(record: Record) -> str:
    """The words for a record of kind `state` that is the change of a unit."""
    details = record["details"]
    sub = (
        f" ({details['sub']})" if details.get("sub", details["active"]) != details["active"] else ""
    )
    of_user = f" of {details['user']}" if "user" in details else ""
    return f"{details['unit']}{of_user}: {details['active']}{sub}"


def load(path: Path) -> Trace:
    """Reads a trace, or that in a folder. Raises InputError, OSError."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.exists():
        raise InputError(f"there is no trace {file}")
    records: list[Record] = []
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            if line:
                records.append(_checked(json.loads(line)))
        except ValueError as error:
            if number == len(lines):
                break  # it is being written
            raise InputError(f"{file}:{number}: not a record of a trace: {error}") from None
    if not records or records[0]["kind"] != "run":
        raise InputError(f"{file} is no trace: it does not begin with a record of the run")
    if records[0].get("version") != VERSION:
        raise InputError(f"{file} has version {records[0].get('version')}, not {VERSION}")
    return Trace(records)


def _checked(value: Any) -> Record:
    if not isinstance(value, dict) or "kind" not in value or "t" not in value:
        raise ValueError("it has no kind and time")
    return value
