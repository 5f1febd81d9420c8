"""Runs steps in parallel, each after the steps that it depends on."""

import ctypes
import os
import queue
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from steps import ROOT, Outcome, Process, Step, show

_PR_SET_CHILD_SUBREAPER = 36
# The interval for reaping orphaned processes, in seconds.
_REAP_EVERY = 0.5
# The number of lines shown of a failed step's log.
_MAX_SHOWN_LINES = 300
# The largest sum of `Step.load` of the steps that run at the same time.
_CAPACITY = 1.0


class Graph:
    """Runs steps in parallel, as the number of processors allows, and stops at the first failure.

    The output of each step is written to a file. When a step has ended, its closing line is shown,
    and its output if it failed.
    """

    def __init__(self, steps: Sequence[Step], logs: Path) -> None:
        """A dependency that is not in `steps` counts as passed."""
        self._waiting = list(steps)
        self._names = {step.name for step in steps}
        self._logs = logs
        self._passed: set[str] = set()
        self._running: dict[str, Process] = {}
        self._loads: dict[str, float] = {}
        self._ended: queue.Queue[Outcome] = queue.Queue()
        self._began = time.monotonic()

    def run(self) -> list[Outcome]:
        """The outcomes of the steps that were not aborted, in the order in which they ended."""
        self._logs.mkdir(parents=True, exist_ok=True)
        # Orphaned processes become children of this one, which ends them.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        outcomes: list[Outcome] = []
        try:
            while self._waiting or self._running:
                self._start_ready()
                if outcome := self._next_outcome():
                    outcomes.append(outcome)
                    self._report(outcome)
                    if outcome.status != 0:
                        break
        finally:
            self._end_all()
        return outcomes

    def _start_ready(self) -> None:
        for step in list(self._waiting):
            if set(step.needs) & self._names - self._passed:
                continue
            if self._running and sum(self._loads.values()) + step.load > _CAPACITY:
                # No later step takes the room for which this one waits.
                return
            self._waiting.remove(step)
            self._start(step)

    def _start(self, step: Step) -> None:
        log = self._logs / f"{step.name}.log"
        show(f"{self._time()}  {step.name} begins: {' '.join(step.command)}")
        with ExitStack() as stack:
            file = stack.enter_context(log.open("w"))
            process = Process(step, lambda line: print(line, file=file, flush=True))
            stack.pop_all()
        self._running[step.name] = process
        self._loads[step.name] = step.load
        threading.Thread(target=self._wait, args=(process, file), daemon=True).start()

    def _wait(self, process: Process, file: IO[str]) -> None:
        with file:
            outcome = process.wait()
        self._ended.put(outcome)

    def _next_outcome(self) -> Outcome | None:
        """The outcome of the next step that ends. None after `_REAP_EVERY`; reaps orphans then."""
        try:
            outcome = self._ended.get(timeout=_REAP_EVERY)
        except queue.Empty:
            self._reap()
            return None
        name = outcome.step.name
        del self._running[name], self._loads[name]
        if outcome.status == 0:
            self._passed.add(name)
        return outcome

    def _report(self, outcome: Outcome) -> None:
        name = outcome.step.name
        verdict = "passed" if outcome.status == 0 else "FAILED"
        parts = [f"{self._time()}  {name} {verdict} after {outcome.seconds:.0f} s"]
        show("  ".join([*parts, *outcome.closing]))
        if outcome.status == 0:
            return
        log = self._logs / f"{name}.log"
        lines = log.read_text().splitlines()
        place = log.relative_to(ROOT) if log.is_relative_to(ROOT) else log
        show(f"\n=== {name}: {' '.join(outcome.step.command)}")
        if len(lines) > _MAX_SHOWN_LINES:
            show(f"... the last {_MAX_SHOWN_LINES} of {len(lines)} lines of {place}")
        show("\n".join(lines[-_MAX_SHOWN_LINES:]))

    def _time(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f"{minutes:3}:{seconds:02}"

    def _reap(self) -> None:
        """Reaps orphans that have ended, but not the steps, whose `Process` reaps them."""
        own = {process.pid for process in self._running.values()}
        for pid in _children() - own:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass

    def _end_all(self) -> None:
        """Ends the running steps, then all processes that they left behind."""
        enders = [threading.Thread(target=each.end) for each in self._running.values()]
        for name in self._running:
            show(f"{self._time()}  {name} is ended")
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        self._running.clear()
        # Children of the killed processes become children of this one, too.
        while children := _children():
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    pass


def _children() -> set[int]:
    """The child processes of this one."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found.update(int(pid) for pid in (task / "children").read_text().split())
        except OSError:
            # The thread has ended; another thread has inherited its children.
            continue
    return found
