"""How a run has ended: by the test, or by what it runs on."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from charioteer.errors import BuildError, InputError
from charioteer.trace import records

_TIME_LIMIT = "timeout reached; test terminating..."
"""What a run records when its time limit has passed."""
_INTERRUPTED = 130
_OUTPUT_CLOSED = 141


class Outcome(StrEnum):
    """Of a run, or of a test with all of its attempts."""

    PASSED = "passed"
    FAILED = "failed"
    FLAKY = "flaky"
    """Of a test: an attempt failed, and a later one passed."""
    INFRASTRUCTURE = "infrastructure"
    """The host, the driver or the images failed, so that nothing is known of the test."""


@dataclass(frozen=True)
class Ended:
    """What is known of a run that has ended.

    `status`: its exit status; of a run that died by a signal, the number of the signal below zero.
    `script_began`: whether the test script was reached. `at_limit`: whether the time limit of the
    test has passed. `full_disk`: a folder of the run that had no space left, if there is one.
    `overdue`: why the suite has killed it, if it did not end by itself.
    """

    status: int
    script_began: bool = True
    at_limit: bool = False
    full_disk: Path | None = None
    overdue: str = ""


def classify(ended: Ended) -> tuple[Outcome, str]:
    """The outcome of a run, and its reason, which is empty if it has passed."""
    if ended.status == 0:
        return Outcome.PASSED, ""
    if ended.overdue:
        return Outcome.INFRASTRUCTURE, ended.overdue
    if ended.at_limit:
        return Outcome.FAILED, "the time limit of the test has passed"
    if ended.full_disk is not None:
        return Outcome.INFRASTRUCTURE, f"{ended.full_disk}: no space left on the disk"
    if ended.status < 0:
        return Outcome.INFRASTRUCTURE, f"the driver was ended by {_name_of(-ended.status)}"
    if ended.status == _INTERRUPTED:
        return Outcome.INFRASTRUCTURE, "the driver was ended by SIGINT"
    if ended.status == 128 + signal.SIGTERM:
        return Outcome.INFRASTRUCTURE, "the driver was ended by SIGTERM"
    # From here on, the test script may have called sys.exit() with the same status.
    if ended.script_began and ended.status != _OUTPUT_CLOSED:
        text = "" if ended.status == 1 else f" with exit status {ended.status}"
        return Outcome.FAILED, f"the test script failed{text}"
    reasons = {
        BuildError.status: "a guest's image could not be built, or a program is not installed",
        InputError.status: "the driver rejected its input",
        _OUTPUT_CLOSED: "the log could not be written",
    }
    reason = reasons.get(ended.status, "the driver failed before the test script")
    return Outcome.INFRASTRUCTURE, f"{reason} (exit status {ended.status})"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # of those for real time


def combined(attempts: Sequence[Outcome]) -> Outcome:
    """The outcome of a test after these attempts, of which there is at least one."""
    if Outcome.PASSED in attempts:
        return Outcome.FLAKY if Outcome.FAILED in attempts else Outcome.PASSED
    return Outcome.FAILED if Outcome.FAILED in attempts else Outcome.INFRASTRUCTURE


def facts_of_trace(output: Path) -> tuple[bool, bool]:
    """Whether the trace in `output` has the begin of the script, and the end of its time."""
    try:
        trace = records.load(output)
    except (InputError, OSError):
        return False, False
    began = any(each["phase"] == "script" for each in trace.of_kind("phase"))
    at_limit = any(
        _TIME_LIMIT in (each.get("text"), each.get("name"))
        for each in trace.records
        if each["kind"] in ("message", "begin")
    )
    return began, at_limit
