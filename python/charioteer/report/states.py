"""What the machines were at each time, from the changes that a trace has."""

from typing import Any

from charioteer.trace.records import Record, Trace

# QEMU's events after which a machine is in another state.
_BY_EVENT = {
    "STOP": "paused",
    "RESUME": "running",
    "SUSPEND": "suspended",
    "SUSPEND_DISK": "suspended",
    "WAKEUP": "running",
    "GUEST_PANICKED": "panicked",
}


def changes(trace: Trace) -> list[list[Any]]:
    """Time, machine and new state of each change; a machine is off before its first one."""
    found: list[list[Any]] = []
    last: dict[str, str] = {}
    for record in trace.of_kind("state"):
        machine, state = str(record.get("machine", "")), _state_after(record)
        if machine and state and last.get(machine, "off") != state:
            last[machine] = state
            found.append([record["t"], machine, state])
    return found


def _state_after(record: Record) -> str | None:
    details = record.get("details", {})
    if record["state"] == "qmp":
        return _BY_EVENT.get(str(details.get("event")))
    return {"start": "running", "panic": "panicked", "end": "off"}.get(str(record["state"]))


def events(trace: Trace) -> list[dict[str, Any]]:
    """Each change but those of units as it was recorded, with the words by which the page names it."""
    return [
        {
            "t": record["t"],
            "machine": record.get("machine", ""),
            "state": record["state"],
            "text": _text(record),
            "details": record.get("details", {}),
        }
        for record in trace.of_kind("state")
        if record["state"] != "unit"
    ]


def _text(record: Record) -> str:
    details = record.get("details", {})
    match record["state"]:
        case "start":
            by = f" ({details['accelerator']})" if "accelerator" in details else ""
            return f"QEMU started{by}"
        case "end":
            return f"QEMU ended: {details['status']}" if "status" in details else "QEMU ended"
        case "panic":
            return f"kernel panic: {details.get('line', '')}"
        case "qmp":
            return f"QEMU's event {details.get('event', '')}"
        case "time-limit":
            return "the time limit of the run has passed"
    return str(record["state"])
