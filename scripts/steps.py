"""Commands that check something, run one after the other: what the programs of this folder share."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The lines in which ctest, pytest and mypy say how it went.
_CLOSING_LINE = re.compile(
    r"\d+% tests passed|^=* ?.*\d+ (?:passed|failed|error).* in [\d.]+s|^Success: no issues"
)
# What a command gets to end by itself after SIGTERM, in seconds.
_GRACE = 10


@dataclass(frozen=True)
class Step:
    """One command; `limit` in seconds is far above what it takes on two processors."""

    name: str
    command: list[str]
    limit: float = 120
    fast: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """How a step ended."""

    step: Step
    status: int
    seconds: float
    closing: list[str]


def run(step: Step) -> Outcome:
    """Runs `step`, passing its output on, in a process group that ends with it."""
    print(f"\n=== {step.name}: {' '.join(step.command)}", flush=True)
    began = time.monotonic()
    closing: list[str] = []
    process = subprocess.Popen(
        step.command,
        cwd=ROOT,
        env={**os.environ, **step.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    late = threading.Event()
    done = threading.Event()

    def end_group(number: int) -> None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def on_limit() -> None:
        late.set()
        end_group(signal.SIGTERM)
        if not done.wait(_GRACE):
            end_group(signal.SIGKILL)

    timer = threading.Timer(step.limit, on_limit)
    timer.daemon = True
    timer.start()
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            print(line, flush=True)
            if _CLOSING_LINE.search(line):
                closing.append(line.strip("= "))
        status = process.wait()
    finally:
        done.set()
        timer.cancel()
        end_group(signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            end_group(signal.SIGKILL)
            process.wait()
    seconds = time.monotonic() - began
    if late.is_set():
        print(f"=== {step.name}: ended at its limit of {step.limit:.0f} s", flush=True)
    return Outcome(step, status, seconds, closing[-1:])


def summarize(program: str, outcomes: list[Outcome], total: int) -> None:
    """A line for each step with the line in which its tests were counted, and one for all."""
    print("\n=== summary")
    for outcome in outcomes:
        verdict = "passed" if outcome.status == 0 else f"FAILED (exit status {outcome.status})"
        line = f"{outcome.step.name:18} {outcome.seconds:7.1f} s  {verdict}"
        print("  ".join([line, *outcome.closing]))
    seconds = sum(outcome.seconds for outcome in outcomes)
    failed = [outcome.step.name for outcome in outcomes if outcome.status != 0]
    if failed:
        print(f"{program}: {', '.join(failed)} failed after {seconds:.0f} s; see above")
    else:
        print(f"{program}: all {total} steps passed in {seconds:.0f} s")
