"""The data of the page: everything that its JavaScript shows."""

from pathlib import Path
from typing import Any

from charioteer.report import cause, files, log, script, states, steps, traffic, units
from charioteer.trace.records import Trace


def of(trace: Trace, folder: Path) -> dict[str, Any]:
    """`folder`: the output directory of the run, whose files are linked."""
    machines = trace.machines
    result = trace.result or {}
    columns = log.of(trace, machines)
    return {
        "title": folder.resolve().name,
        "status": trace.status,
        "exit_status": result.get("exit_status"),
        "wall": trace.header["wall"],
        "pid": trace.header.get("pid"),
        "program": str(trace.header.get("program", "")),
        "duration": trace.end,
        "machines": machines,
        "phases": [[each["t"], each["phase"]] for each in trace.of_kind("phase")],
        "omitted": trace.omitted,
        "cause": cause.of(trace),
        "script": script.of(trace),
        "steps": steps.of(trace),
        "levels": log.LEVELS,
        "log": columns,
        "units": units.of(trace, columns),
        "events": states.events(trace),
        "states": states.changes(trace),
        "traffic": traffic.of(trace),
        "files": files.of(trace, folder),
    }
