"""A trace in Chrome's trace event format, which Perfetto opens.

Machines are processes, and the run is one, too; threads of the script are threads in each of them.
"""

from typing import Any

from charioteer.trace.records import Record, Span, Trace, unit_text

Event = dict[str, Any]
_RUN = 1
_CONSOLE = 1_000_000
"""The thread of console lines; more than those of the script."""


def convert(trace: Trace) -> dict[str, Any]:
    """The JSON object. Its times are microseconds since the start of the run."""
    numbers = {"": _RUN, **{name: at for at, name in enumerate(trace.machines, start=_RUN + 1)}}
    events = [_span(each, numbers) for each in trace.spans.values()]
    for record in trace.records:
        if (event := _instant(record, numbers)) is not None:
            events.append(event)
    return {
        "traceEvents": [*_names(numbers, events), *events],
        "displayTimeUnit": "ms",
        "otherData": {**trace.header, "status": trace.status, "omitted": trace.omitted},
    }


def _micros(seconds: float) -> float:
    return round(seconds * 1e6, 1)


def _span(span: Span, numbers: dict[str, int]) -> Event:
    return {
        "ph": "X",
        "name": span.name,
        "cat": span.type,
        "pid": numbers[span.machine],
        "tid": span.thread,
        "ts": _micros(span.begin),
        "dur": _micros(span.duration),
        "args": {**span.fields, "span": span.number, "is_open": span.is_open},
    }


def _instant(record: Record, numbers: dict[str, int]) -> Event | None:
    name = {
        "console": record.get("text"),
        "journal": record.get("text"),
        "message": record.get("text"),
        "state": unit_text(record) if record.get("state") == "unit" else record.get("state"),
        "phase": f"phase: {record.get('phase')}",
        "failed": "failed",
        "finding": record.get("text"),
        "result": "result",
        "omitted": "records were left out",
    }.get(record["kind"])
    if name is None:
        return None
    return {
        "ph": "i",
        # The thread's, for consoles and messages, or that of the whole process.
        "s": "t" if record["kind"] in ("console", "journal", "message") else "p",
        "name": name,
        "cat": record["kind"],
        "pid": numbers[str(record.get("machine", ""))],
        "tid": _CONSOLE if record["kind"] in ("console", "journal") else 0,
        "ts": _micros(record["t"]),
        "args": {name: each for name, each in record.items() if name not in ("kind", "t")},
    }


def _names(numbers: dict[str, int], events: list[Event]) -> list[Event]:
    """The metadata: names of processes and threads, and the order of processes."""
    named: list[Event] = []

    def add(what: str, pid: int, tid: int, **args: object) -> None:
        named.append({"ph": "M", "name": what, "pid": pid, "tid": tid, "ts": 0, "args": args})

    for machine, pid in numbers.items():
        add("process_name", pid, 0, name=machine or "run")
        add("process_sort_index", pid, 0, sort_index=pid)
    for pid, tid in sorted({(each["pid"], each["tid"]) for each in events}):
        names = {0: "script", _CONSOLE: "console"}
        add("thread_name", pid, tid, name=names.get(tid, f"script, thread {tid}"))
    return named
