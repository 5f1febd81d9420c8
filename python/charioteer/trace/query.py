"""Queries of a trace, for programs: docs/trace.md has the grammar.

    QUERY = WHAT { " " NAME "=" VALUE }

Words are quoted as in a shell. Answers are JSON objects, and bounded.
"""

import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from charioteer.errors import InputError
from charioteer.trace.records import Record, Span, Trace

_MOST = 200
"""How many items an answer has unless the query says otherwise."""


@dataclass
class Query:
    """A query, as it was parsed."""

    what: str
    filters: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """Raises InputError for a value that is no number."""
        given = self.filters.get(name)
        try:
            value = default if given is None else float(given)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise InputError(f"{name}={given}: expected a number")
        return value

    def pattern(self) -> "re.Pattern[str]":
        """What texts must match. Raises InputError."""
        try:
            return re.compile(self.filters.get("match", ""))
        except re.error as error:
            raise InputError(f"match={self.filters['match']}: {error}") from None

    def accepts(self, name: str, value: object) -> bool:
        """Whether there is no filter of this name, or it lists the value."""
        given = self.filters.get(name)
        return given is None or str(value) in given.split(",")


def parse(text: str) -> Query:
    """Raises InputError that names what was expected."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"query {text!r}: {error}") from None
    what = words[0] if words else ""
    if what not in _ANSWERS:
        raise InputError(f"query {text!r}: expected one of {', '.join(_ANSWERS)} at its begin")
    known = _ANSWERS[what][1]
    query = Query(what)
    for word in words[1:]:
        name, is_given, value = word.partition("=")
        if not is_given or name not in known:
            expected = ", ".join(f"{each}=..." for each in known) or "nothing"
            raise InputError(f"query {text!r}: {word}: after {what} expected {expected}")
        query.filters[name] = value
    return query


def answer(trace: Trace, query: Query) -> dict[str, Any]:
    """The answer. Raises InputError for an invalid value of a filter."""
    return {"query": query.what, **_ANSWERS[query.what][0](trace, query)}


def _status(trace: Trace, query: Query) -> dict[str, Any]:
    result = trace.result or {}
    failed = trace.failed_step() if trace.status != "passed" else None
    return {
        "status": trace.status,
        "exit_status": result.get("exit_status"),
        "phase": trace.phase,
        "duration": trace.end,
        "begin": trace.header["wall"],
        "machines": trace.machines,
        "reason": _reason(trace),
        "failed_step": _item(failed) if failed else None,
        "open_steps": [_item(each) for each in trace.spans.values() if each.is_open],
        "omitted": trace.omitted,
    }


def _reason(trace: Trace) -> str | None:
    reasons = [each["reason"] for each in (*trace.of_kind("failed"), *trace.of_kind("result"))
               if each.get("reason")]  # fmt: skip
    return "\n".join(reasons) or None


def _error(trace: Trace, query: Query) -> dict[str, Any]:
    failed = trace.failed_step() if trace.status != "passed" else None
    errors = [
        each["text"]
        for each in trace.of_kind("message")
        if each["level"] in ("error", "test-error")
    ]
    return {
        "status": trace.status,
        "reason": _reason(trace),
        "line": failed.line if failed else None,
        "step": _item(failed) if failed else None,
        "report": errors,
        "states": [r for r in trace.of_kind("state") if r["state"] in ("panic", "end")],
        "findings": sorted(trace.of_kind("finding"), key=lambda each: int(each["rank"])),
    }


def _steps(trace: Trace, query: Query) -> dict[str, Any]:
    within, pattern = _time_range(trace, query), query.pattern()
    longer = query.number("longer", 0)
    found = [
        _item(each)
        for each in trace.spans.values()
        if within(each.begin, each.end)
        and query.accepts("machine", each.machine)
        and query.accepts("type", each.type)
        and query.accepts("line", each.line)
        and query.accepts("state", _state(each))
        and each.duration >= longer
        and pattern.search(each.name)
    ]
    return _bounded(found, query)


def _log(trace: Trace, query: Query) -> dict[str, Any]:
    return _records(
        trace,
        query,
        [each for each in trace.records if each["kind"] in ("message", "console", "journal")],
    )


def _events(trace: Trace, query: Query) -> dict[str, Any]:
    return _records(trace, query, trace.records)


def _records(trace: Trace, query: Query, records: list[Record]) -> dict[str, Any]:
    within, pattern = _time_range(trace, query), query.pattern()
    found = [
        each
        for each in records
        if within(each["t"], each["t"])
        and query.accepts("machine", each.get("machine", ""))
        and query.accepts("kind", each["kind"])
        and query.accepts("level", each.get("level", ""))
        and pattern.search(str(each.get("text", each.get("name", ""))))
    ]
    return _bounded(sorted(found, key=lambda each: float(each["t"])), query)


def _time_range(trace: Trace, query: Query) -> Callable[[float, float], bool]:
    """Whether something from a begin to an end overlaps the time that is asked for, in seconds."""
    begin, end = query.number("from", 0), query.number("to", math.inf)
    if "step" in query.filters:
        step = trace.spans.get(int(query.number("step", 0)))
        if step is None:
            raise InputError(f"step={query.filters['step']}: the trace has no such step")
        begin, end = max(begin, step.begin), min(end, step.end)
    return lambda first, last: last >= begin and first <= end


def _bounded(items: list[Record], query: Query) -> dict[str, Any]:
    first = int(query.number("first", -1))
    last = int(query.number("last", _MOST))
    kept = items[:first] if first >= 0 else items[max(0, len(items) - last) :]
    return {"items": kept, "left_out": len(items) - len(kept)}


def _state(span: Span) -> str:
    return "open" if span.is_open else "failed" if span.has_failed else "passed"


def _item(span: Span) -> Record:
    others = {name: each for name, each in span.fields.items() if name not in ("ok", "line")}
    return {
        "step": span.number,
        "state": _state(span),
        "line": span.line,
        "begin": span.begin,
        "duration": round(span.duration, 6),
        **others,
    }


_RANGE = ("from", "to", "step", "machine", "match", "first", "last")
_ANSWERS: dict[str, tuple[Callable[[Trace, Query], dict[str, Any]], tuple[str, ...]]] = {
    "status": (_status, ()),
    "error": (_error, ()),
    "steps": (_steps, (*_RANGE, "type", "state", "line", "longer")),
    "log": (_log, (*_RANGE, "kind", "level")),
    "events": (_events, (*_RANGE, "kind", "level")),
}
