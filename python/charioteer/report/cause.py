"""Why a run did not pass: what the page shows first."""

from typing import Any

from charioteer.report.texts import shown, without_kind
from charioteer.trace.records import Record, Span, Trace

_SEVERITIES = ("fatal", "odd", "note")


def of(trace: Trace) -> dict[str, Any] | None:
    """None for a run that has passed."""
    if trace.status == "passed":
        return None
    step = trace.failed_step() or _innermost_open(trace)
    cause: dict[str, Any] = {
        "text": shown(_text(trace, step)),
        "notes": _notes(trace, step),
        "findings": findings(trace),
        "states": [
            {"t": each["t"], "machine": each.get("machine", ""), "line": shown(_panic(each))}
            for each in trace.of_kind("state")
            if each["state"] == "panic"
        ],
    }
    if step is not None:
        cause["step"] = step.number
        cause["machine"] = step.machine
        if step.line is not None:
            cause["line"] = step.line
    return cause


def findings(trace: Trace) -> list[dict[str, Any]]:
    """The possible causes that were found after the failure, the likeliest first."""
    return [
        {
            "severity": each["severity"] if each.get("severity") in _SEVERITIES else "note",
            "text": shown(str(each.get("text", ""))),
            "machine": str(each.get("machine", "")),
            "evidence": [shown(str(line)) for line in each.get("evidence", [])],
            "source": str(each.get("source", "")),
            "likely": bool(each.get("likely")),
        }
        for each in sorted(trace.of_kind("finding"), key=lambda each: int(each.get("rank", 1000)))
    ]


def _text(trace: Trace, step: Span | None) -> str:
    limit = any(each["state"] == "time-limit" for each in trace.of_kind("state"))
    if limit:
        return "The time limit of the run has passed." + _during(step)
    if trace.status == "failed" and step is not None and step.fields.get("error"):
        return without_kind(str(step.fields["error"]))
    reasons = [str(each["reason"]) for each in _with_reason(trace)]
    if trace.status == "failed":
        return reasons[0] if reasons else "The run has failed."
    if trace.status == "interrupted":
        why = f" {reasons[0]}." if reasons else ""
        return f"The run was interrupted.{why}" + _during(step)
    return "The trace has no result: the run was killed, or it lasts." + _during(step)


def _with_reason(trace: Trace) -> list[Record]:
    records = [*trace.of_kind("failed"), *trace.of_kind("result")]
    return [each for each in records if each.get("reason")]


def _during(step: Span | None) -> str:
    return f" The last step was: {step.name}" if step is not None else ""


def _innermost_open(trace: Trace) -> Span | None:
    """The open step that began last."""
    return next((each for each in reversed(trace.spans.values()) if each.is_open), None)


def _notes(trace: Trace, step: Span | None) -> list[str]:
    """The notes of the error, and the error of the log if the step has none."""
    if step is not None and step.fields.get("notes"):
        return [shown(str(note)) for note in step.fields["notes"]]
    return []


def _panic(record: Record) -> str:
    return str(record.get("details", {}).get("line", ""))
