"""The test script, as the trace has it."""

from typing import Any

from charioteer.trace.records import Trace


def of(trace: Trace) -> dict[str, Any] | None:
    """Path and lines of the script; None if the trace has none."""
    parts = trace.of_kind("script")
    if not parts:
        return None
    text = "".join(str(each["text"]) for each in parts)
    return {"path": str(parts[0]["path"]), "lines": text.split("\n")}
