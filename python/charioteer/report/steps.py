"""The steps of a run, as the page shows them."""

from typing import Any

from charioteer.report.texts import shown
from charioteer.trace.records import Span, Trace

_COPIED = ("machine", "parent", "callers", "thread", "status", "signal", "timed_out", "raised_at",
           "attributes", "cut", "file")  # fmt: skip
_TEXTS = ("command", "output", "errors", "error")


def of(trace: Trace) -> list[dict[str, Any]]:
    """All steps by their begin; fields that are not known are left out."""
    return [_step(span) for span in trace.spans.values()]


def _step(span: Span) -> dict[str, Any]:
    fields = span.fields
    step: dict[str, Any] = {
        "n": span.number,
        "type": span.type,
        "name": shown(span.name),
        "begin": span.begin,
        "end": span.end,
        "state": "open" if span.is_open else "failed" if span.has_failed else "passed",
    }
    if "line" in fields:
        step["line"] = fields["line"]
    for name in _COPIED:
        if fields.get(name) not in (None, [], {}):
            step[name] = fields[name]
    for name in _TEXTS:
        if fields.get(name):
            step[name] = shown(fields[name])
    if "notes" in fields:
        step["notes"] = [shown(note) for note in fields["notes"]]
    return step
