"""Changes of systemd's units, as systemd writes them on the consoles of machines."""

import re
from typing import Any

# Lines of systemd's own on the console, and those of the journal.
_FAILED = re.compile(
    r"\[(?:FAILED|DEPEND)\] "
    r"|systemd\[\d+\]: (?:Failed to start |Dependency failed for |\S+: Failed with result )"
)
_CHANGED = re.compile(
    r"(?:\[  OK  \]|systemd\[\d+\]:) (?:Started|Stopped|Finished|Reached target|Stopped target) "
)


def of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The lines of the log, whose columns are given, that report a change of a unit: their index as
    `entry`, and `failed`.
    """
    found = []
    for entry, text in enumerate(columns["text"]):
        if columns["level"][entry] != 0 or ("] " not in text and "systemd[" not in text):
            continue
        is_failure = bool(_FAILED.search(text))
        if is_failure or _CHANGED.search(text):
            found.append({"entry": entry, "failed": is_failure})
    return found
