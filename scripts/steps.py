"""Commands that check something; used by the programs of this folder."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The summary lines of ctest, pytest and mypy.
_CLOSING_LINE = re.compile(
    r"\d+% tests passed|^=* ?.*\d+ (?:passed|failed|error).* in [\d.]+s|^Success: no issues"
)
# Python keeps what it has compiled, also if the caller's environment forbids that: tests start its
# programs some thousand times, and each start would compile all modules again.
_COMPILED_PYTHON = {"PYTHONDONTWRITEBYTECODE": ""}
# The time for a command to end after SIGTERM, in seconds.
_GRACE = 10
# The time for its children after it has ended.
_GRACE_OF_CHILDREN = 2


@dataclass(frozen=True)
class Step:
    """One command; `limit` in seconds is far above its duration on two processors.

    `needs` names the steps that must have passed before. `load` is the share of all processors that
    it uses, from 0 to 1.
    """

    name: str
    command: list[str]
    limit: float = 120
    fast: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    load: float = 1


@dataclass
class Outcome:
    """The result of a step; `processor` is the processor time that it and its children used."""

    step: Step
    status: int
    seconds: float
    processor: float
    closing: list[str]


def show(line: str) -> None:
    """Prints a line without buffering."""
    print(line, flush=True)


def reason(error: OSError) -> str:
    """The error in one line: the file and what is wrong with it."""
    return f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)


class Process:
    """A running step, in its own process group, which ends with it."""

    def __init__(self, step: Step, write: Callable[[str], object]) -> None:
        """`write` gets every line of the output, on the thread that calls `wait`."""
        self._step = step
        self._write = write
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._process = subprocess.Popen(
            step.command,
            cwd=ROOT,
            env={**os.environ, **_COMPILED_PYTHON, **step.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def wait(self) -> Outcome:
        """Returns when the process and its output have ended, or at the limit."""
        write, closing, late = self._write, list[str](), threading.Event()

        def on_limit() -> None:
            late.set()
            self.end()

        timer = threading.Timer(self._step.limit, on_limit)
        timer.daemon = True
        timer.start()
        try:
            assert self._process.stdout is not None
            for raw in self._process.stdout:
                line = raw.decode(errors="replace").rstrip("\n")
                write(line)
                if _CLOSING_LINE.search(line):
                    closing.append(line.strip("= "))
            processor = self._processor_time_at_end()
            status = self._process.wait()
        finally:
            timer.cancel()
        self._ended.set()
        self._signal(signal.SIGKILL)
        if late.is_set():
            write(f"=== {self._step.name}: ended at its limit of {self._step.limit:.0f} s")
        seconds = time.monotonic() - self._began
        return Outcome(self._step, status, seconds, processor, closing[-1:])

    def end(self) -> None:
        """Ends its process group, by force after a grace period. Any thread."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_GRACE)
            self._ended.wait(_GRACE_OF_CHILDREN)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _processor_time_at_end(self) -> float:
        """Waits for the end of the process, which stays a zombie, and returns its processor time.

        In seconds, with all children that were waited for. 0 if `end` has already reaped it.
        """
        try:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            status = Path(f"/proc/{self.pid}/stat").read_text()
        except (ChildProcessError, FileNotFoundError):
            return 0
        # After the name in parentheses; utime, stime, cutime and cstime are fields 14 to 17.
        ticks = status.rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass


def run(step: Step) -> Outcome:
    """Runs `step` and shows its output."""
    show(f"\n=== {step.name}: {' '.join(step.command)}")
    process = Process(step, show)
    try:
        return process.wait()
    except BaseException:
        process.end()
        raise


def summarize(program: str, outcomes: list[Outcome], seconds: float) -> None:
    """Prints a line for each step, with the summary line of its tests, and one for all steps.

    The times of a step are elapsed time and processor time. `seconds` is the total elapsed time.
    """
    print("\n=== summary: elapsed time, processor time")
    for outcome in outcomes:
        verdict = "passed" if outcome.status == 0 else f"FAILED (exit status {outcome.status})"
        times = f"{outcome.seconds:7.1f} s {outcome.processor:7.1f} s"
        line = f"{outcome.step.name:22} {times}  {verdict}"
        print("  ".join([line, *outcome.closing]))
    failed = [outcome.step.name for outcome in outcomes if outcome.status != 0]
    if failed:
        print(f"{program}: {', '.join(failed)} failed after {seconds:.0f} s; see above")
    else:
        print(f"{program}: all {len(outcomes)} steps passed in {seconds:.0f} s")
