"""The messages and console lines of a run, in columns, which are smaller than objects."""

from typing import Any

from charioteer.report.texts import shown
from charioteer.trace.records import Trace

LEVELS = ["console", "journal", "log", "debug", "info", "warning", "error", "test-error"]
"""Levels by their number in the column `level`; the first ones are those of lines of a machine."""


def of(trace: Trace, machines: list[str]) -> dict[str, list[Any]]:
    """Columns of equal length: `t`, `level`, `machine` (number; -1 is none), `text`, `step` (its
    number; 0 is none).
    """
    levels = {name: number for number, name in enumerate(LEVELS)}
    numbers = {name: number for number, name in enumerate(machines)}
    columns: dict[str, list[Any]] = {"t": [], "level": [], "machine": [], "text": [], "step": []}
    for record in trace.records:
        kind: str = record["kind"]
        if kind not in ("console", "journal", "message"):
            continue
        columns["t"].append(record["t"])
        columns["level"].append(levels.get(record.get("level", kind), 2))
        columns["machine"].append(numbers.get(record.get("machine", ""), -1))
        columns["text"].append(shown(record["text"]))
        columns["step"].append(record.get("span", 0))
    return columns
