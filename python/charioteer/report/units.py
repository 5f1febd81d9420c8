"""Changes of systemd's units: as systemd signals them, or else as it writes them on consoles."""

import re
from typing import Any

from charioteer.report.texts import shown
from charioteer.trace.records import Trace, unit_text

# Lines of systemd's own on the console, and those of the journal.
_FAILED = re.compile(
    r"\[(?:FAILED|DEPEND)\] "
    r"|systemd\[\d+\]: (?:Failed to start |Dependency failed for |\S+: Failed with result )"
)
_CHANGED = re.compile(
    r"(?:\[  OK  \]|systemd\[\d+\]:) (?:Started|Stopped|Finished|Reached target|Stopped target) "
)
# Changes to other states soon follow: units that are being started or stopped.
_LASTING = ("active", "failed", "inactive")


def of(trace: Trace, columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The changes, each with its `t`, `machine`, `text`, and whether it is a failure (`failed`).

    `columns` are those of the log. Changes that were read there have the index of their line as
    `entry`; those that were signalled have `details`, and are the only ones from the first of a machine
    on.
    """
    signalled = _signalled(trace)
    first: dict[str, float] = {}
    for each in signalled:
        first.setdefault(each["machine"], each["t"])
    written = _written(trace.machines, columns)
    before = [each for each in written if each["t"] < first.get(each["machine"], trace.end + 1)]
    return sorted([*before, *signalled], key=lambda each: float(each["t"]))


def _signalled(trace: Trace) -> list[dict[str, Any]]:
    found = []
    known = set()
    for record in trace.of_kind("state"):
        details = record.get("details", {})
        if record["state"] != "unit":
            continue
        unit = (record.get("machine"), details.get("user"), details["unit"])
        # systemd signals that a unit is inactive when it begins to start it.
        is_news = unit in known or details["active"] != "inactive"
        known.add(unit)
        is_failure = details["active"] == "failed" or details.get("sub") == "auto-restart"
        if is_failure or (is_news and details["active"] in _LASTING):
            found.append(
                {
                    "t": record["t"],
                    "machine": record.get("machine", ""),
                    "text": shown(unit_text(record)),
                    "failed": is_failure,
                    "details": details,
                }
            )
    return found


def _written(machines: list[str], columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    found = []
    for entry, text in enumerate(columns["text"]):
        if columns["level"][entry] != 0 or ("] " not in text and "systemd[" not in text):
            continue
        is_failure = bool(_FAILED.search(text))
        if is_failure or _CHANGED.search(text):
            found.append(
                {
                    "t": columns["t"][entry],
                    "machine": machines[columns["machine"][entry]],
                    "text": text,
                    "failed": is_failure,
                    "entry": entry,
                }
            )
    return found
