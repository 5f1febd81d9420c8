"""A trace as OpenTelemetry spans, in the JSON of its protocol (OTLP).

The run is a span, too, whose parent is that of TRACEPARENT. Messages and changes of machines are
events of spans. Lines of consoles are not converted.
"""

import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from charioteer.trace.records import Record, Span, Trace, unit_text

_INTERNAL = 1  # SPAN_KIND_INTERNAL
_OK, _ERROR = 1, 2  # STATUS_CODE_OK, STATUS_CODE_ERROR
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def convert(trace: Trace) -> dict[str, Any]:
    """The JSON object of an ExportTraceServiceRequest."""
    name, _, version = str(trace.header["program"]).partition(" ")
    spans = _Spans(trace)
    resource = {
        "service.name": name,
        "service.version": version,
        "process.pid": trace.header["pid"],
    }
    scope = {"name": name, "version": version}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": scope, "spans": [spans.root(), *spans.inner()]}],
            }
        ]
    }


class _Spans:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._start = (trace.wall(0) - _EPOCH) // timedelta(microseconds=1) * 1000
        self._events: dict[int | None, list[Record]] = {}
        for record in trace.records:
            if record["kind"] in ("message", "state", "phase", "failed", "finding", "omitted"):
                span = record.get("span")
                owner = span if span in trace.spans else None
                self._events.setdefault(owner, []).append(record)

    def root(self) -> Record:
        trace = self._trace
        fields = {"omitted": trace.omitted or None, **(trace.result or {})}
        for name in ("kind", "t", "status"):
            fields.pop(name, None)
        reasons = [str(each["reason"]) for each in trace.of_kind("failed")]
        span = self._span(None, "test run", 0.0, trace.end, fields)
        if "parent_id" in trace.header:
            span["parentSpanId"] = trace.header["parent_id"]
        span["status"] = _status(trace.status == "passed", "\n".join(reasons) or trace.status)
        return span

    def inner(self) -> list[Record]:
        return [self._inner(each) for each in self._trace.spans.values()]

    def _inner(self, span: Span) -> Record:
        fields = {k: v for k, v in span.fields.items() if k not in ("name", "parent", "ok")}
        if span.is_open:
            fields["is_open"] = True
        converted = self._span(span.number, span.name, span.begin, span.end, fields)
        parent = span.parent if span.parent in self._trace.spans else None
        converted["parentSpanId"] = self._identity(parent)
        if span.is_open:
            converted["status"] = {}
        else:
            converted["status"] = _status(not span.has_failed, str(span.fields.get("error", "")))
        return converted

    def _span(
        self, number: int | None, name: str, begin: float, end: float, fields: Record
    ) -> Record:
        return {
            "traceId": self._trace.header["trace_id"],
            "spanId": self._identity(number),
            "name": name,
            "kind": _INTERNAL,
            "startTimeUnixNano": self._nanos(begin),
            "endTimeUnixNano": self._nanos(end),
            "attributes": _attributes({f"charioteer.{k}": v for k, v in fields.items()}),
            "events": [self._event(each) for each in self._events.get(number, [])],
        }

    def _event(self, record: Record) -> Record:
        named = record.get("text") or record.get("state") or record["kind"]
        if record.get("state") == "unit":
            named = unit_text(record)
        fields = {k: v for k, v in record.items() if k not in ("t", "text", "span")}
        attributes = _attributes({f"charioteer.{k}": v for k, v in fields.items()})
        return {
            "timeUnixNano": self._nanos(record["t"]), "name": named, "attributes": attributes
        }  # fmt: skip

    def _nanos(self, seconds: float) -> str:
        return str(self._start + round(seconds * 1e9))

    def _identity(self, number: int | None) -> str:
        """The id of a span, the same in each conversion; None is the run."""
        text = f"{self._trace.header['trace_id']} {self._trace.header['wall']} {number}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _status(is_ok: bool, message: str) -> Record:
    return {"code": _OK} if is_ok else {"code": _ERROR, "message": message}


def _attributes(fields: Record) -> list[Record]:
    return [{"key": k, "value": _value(v)} for k, v in fields.items() if v is not None]


def _value(value: Any) -> Record:
    """As AnyValue: 64-bit integers are texts in the JSON of protobuf."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}
