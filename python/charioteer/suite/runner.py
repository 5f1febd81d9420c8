"""Runs the tests of a suite, each in a process of its own, as many at once as the host allows."""

import os
import selectors
import shutil
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from charioteer.errors import InputError, text_of
from charioteer.suite import cause, child, results, turn
from charioteer.suite.demand import Demand, declared, expected
from charioteer.suite.discovery import Case
from charioteer.suite.history import History
from charioteer.suite.interruption import Interruptions
from charioteer.suite.ledger import Ledger
from charioteer.suite.outcome import Outcome, combined
from charioteer.suite.progress import Progress, Shown
from charioteer.suite.quarantine import Quarantined
from charioteer.suite.results import Attempt, ShardOf, SuiteResult, TestResult
from charioteer.suite.running import Finished, Running
from charioteer.suite.schedule import Job, Schedule, is_possible
from charioteer.suite.summary import label
from charioteer.suite.usage import SAMPLE_EVERY, processes

_RUNS = "tests"
"""The folder of the runs in that of the suite."""


@dataclass(frozen=True)
class Options:
    """How a suite runs.

    `output`: its folder. `repeat`: how often each test runs. `until_fail`: whether no run is started
    after one that failed. `retry`: how often a test that did not pass is tried again.
    `most_at_once`: None: only memory and processors limit the number of runs.
    `records`: whether runs are added to the history.
    """

    output: Path
    repeat: int = 1
    until_fail: bool = False
    retry: int = 0
    most_at_once: int | None = None
    records: bool = True
    quarantine: Mapping[str, Quarantined] = field(default_factory=dict)
    shard: ShardOf | None = None


class Runner:
    """A suite. To be used once, on the main thread."""

    def __init__(
        self,
        cases: Sequence[Case],
        options: Options,
        capacity: Demand,
        ledger: Ledger,
        history: History,
        progress: Progress,
        interruptions: Interruptions,
    ) -> None:
        """`capacity`: what all tests of the host may take together. Raises InputError."""
        self._cases = {each.name: each for each in cases}
        self._limits = {each.name: declared(each.cluster) for each in cases}
        self._options = options
        self._capacity = capacity
        self._ledger = ledger
        self._history = history
        self._progress = progress
        self._interruptions = interruptions
        self._began = time.monotonic()
        self._begin = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._running: list[Running] = []
        self._attempts: dict[tuple[str, int], list[Attempt]] = {}
        self._results: list[TestResult] = []
        self._starts_more = True
        self._cleared: list[Job] = []
        self._next_sample = 0.0
        jobs = [self._job(each.name, nr + 1) for each in cases for nr in range(options.repeat)]
        self._impossible = [each for each in jobs if not is_possible(each.demand, capacity)]
        possible = [each for each in jobs if is_possible(each.demand, capacity)]
        self._schedule = Schedule(possible, capacity)

    def run(self) -> SuiteResult:
        """Returns when all tests have ended.

        Ends the running ones and raises what interrupts it: KeyboardInterrupt, SystemExit, and OSError
        when results cannot be written. `result` has the tests that have ended before.
        """
        try:
            for each in self._cases:
                shutil.rmtree(self._folder(each), ignore_errors=True)
            for job in self._impossible:
                reason = (
                    f"it needs {job.demand.memory} MB of memory, and {self._capacity.memory} MB were"
                    " free for tests when the suite began: free some, or set --memory"
                )
                self._refuse(job, reason)
            while self._schedule or self._running:
                self._start_all()
                self._await_end()
        except BaseException:
            self._end_all()
            raise
        finally:
            self._ledger.withdraw()
        return self.result(complete=True)

    def result(self, complete: bool = False) -> SuiteResult:
        """What is known so far. A test that waits for another attempt has those before."""
        unfinished = [*self._cleared, *(each.job for each in self._running), *self._schedule.jobs]
        tried = [self._test_result(each) for each in unfinished if self._attempts_of(each)]
        not_run = [
            label(each.name, each.repetition) for each in unfinished if not self._attempts_of(each)
        ]
        tests = sorted([*self._results, *tried], key=lambda each: (each.test, each.repetition))
        return SuiteResult(
            begin=self._begin,
            seconds=time.monotonic() - self._began,
            tests=tests,
            not_run=sorted(not_run),
            complete=complete,
            shard=self._options.shard,
            host=socket.gethostname(),
        )

    # Starting

    def _job(self, name: str, repetition: int) -> Job:
        limit = self._limits[name]
        estimate = self._history.estimate(name, limit)
        return Job(name, expected(limit, estimate.measured), estimate.seconds, repetition)

    def _start_all(self) -> None:
        """Starts the runs for which there is room now."""
        most = self._options.most_at_once
        while self._schedule and (most is None or len(self._running) < most):
            taken = turn.take(self._schedule, self._ledger, is_idle=not self._running)
            if taken is None:
                return
            job, claim = taken
            attempts = self._attempts_of(job)
            name = f"run-{job.repetition}" + (f"-retry-{len(attempts)}" if attempts else "")
            folder = self._folder(job.name) / name
            try:
                run = Running(job, self._cases[job.name], folder, claim)
            except OSError as error:
                self._refuse(job, text_of(error))
                continue
            self._running.append(run)
            self._progress.started(label(job.name, job.repetition))

    def _refuse(self, job: Job, reason: str) -> None:
        """Adds the attempt of a run that cannot be started."""
        self._conclude(job, Attempt(Outcome.INFRASTRUCTURE, reason))
        name = label(job.name, job.repetition)
        self._progress.ended(name, Outcome.INFRASTRUCTURE, 0, reason, "")

    def _attempts_of(self, job: Job) -> list[Attempt]:
        return self._attempts.setdefault((job.name, job.repetition), [])

    def _folder(self, test: str) -> Path:
        """A folder for each test, none of which is inside another."""
        flat = test.replace("%", "%25").replace("+", "%2B").replace("/", "+")
        return self._options.output / _RUNS / flat

    # Ending

    def _await_end(self) -> None:
        """Returns when runs have ended, or it is time to look for room again."""
        for each in self._ended(self._running, SAMPLE_EVERY):
            self._running.remove(each)
            self._finish(each, each.finish())
        if time.monotonic() < self._next_sample:
            return
        self._next_sample = time.monotonic() + SAMPLE_EVERY
        table = processes()
        for each in self._running:
            each.sample(table)
        shown = [
            Shown(label(each.job.name, each.job.repetition), each.began, each.memory)
            for each in self._running
        ]
        self._progress.update(shown, len(self._schedule))

    def _finish(self, run: Running, end: Finished) -> None:
        job = run.job
        if end.outcome is Outcome.PASSED:
            self._record(job.name, end)
        self._conclude(job, self._attempt(run, end))
        # What is shown as ended is in the result file.
        name = label(job.name, job.repetition)
        where = str(run.report or run.folder)
        self._progress.ended(name, end.outcome, end.seconds, end.reason, where)
        if end.outcome is not Outcome.PASSED and os.environ.get("GITHUB_ACTIONS") == "true":
            for line in cause.annotations(run.folder):
                self._progress.write(line)

    def _attempt(self, run: Running, end: Finished) -> Attempt:
        output = self._options.output
        page = run.report
        return Attempt(
            outcome=end.outcome,
            reason=end.reason,
            seconds=end.seconds,
            memory=end.measured.memory if end.measured else None,
            processors=end.measured.processors if end.measured else None,
            output=str(run.folder.relative_to(output)),
            report=str(page.relative_to(output)) if page else "",
            cause=[] if end.outcome is Outcome.PASSED else cause.excerpt(run.folder),
        )

    def _conclude(self, job: Job, attempt: Attempt) -> None:
        """Adds the last attempt of a test, which is tried again, or has its result.

        Writes all results, since this process may be killed.
        """
        attempts = self._attempts_of(job)
        attempts.append(attempt)
        may_retry = self._starts_more and job not in self._impossible
        if (
            attempt.outcome is not Outcome.PASSED
            and may_retry
            and len(attempts) <= self._options.retry
        ):
            self._schedule.put_first(job)
        else:
            self._add(self._test_result(job))
        results.write(self.result(), self._options.output)

    def _add(self, result: TestResult) -> None:
        self._results.append(result)
        has_failed = result.outcome in (Outcome.FAILED, Outcome.INFRASTRUCTURE)
        if self._options.until_fail and has_failed and result.counts:
            self._starts_more = False
            self._cleared += self._schedule.clear()

    def _test_result(self, job: Job) -> TestResult:
        """Of a test with the attempts so far, of which there is at least one."""
        limit = self._limits[job.name]
        attempts = self._attempts_of(job)
        outcome = combined([each.outcome for each in attempts])
        return TestResult(
            *(job.name, job.repetition, outcome, list(attempts)),
            *(limit.memory, limit.processors, self._options.quarantine.get(job.name)),
        )

    def _record(self, test: str, end: Finished) -> None:
        if not self._options.records:
            return
        try:
            self._history.record(test, self._limits[test], end.seconds, end.measured)
        except (InputError, OSError) as error:
            # The results do not depend on it.
            self._progress.write(f"warning: {text_of(error)}")

    def _end_all(self) -> None:
        """Ends the runs and their machines. Another Ctrl-C ends them at once."""
        try:
            for each in self._running:
                each.terminate()
            end, left = time.monotonic() + child.END_GRACE, list(self._running)
            while left and time.monotonic() < end:
                ended = self._ended(left, max(end - time.monotonic(), 0))
                left = [each for each in left if each not in ended]
        finally:
            for each in self._running:
                each.kill()
                each.finish()

    def _ended(self, running: Iterable[Running], limit: float) -> list[Running]:
        """Those that have ended, as soon as there is one; none after `limit` seconds.

        Raises KeyboardInterrupt, SystemExit.
        """
        self._interruptions.check()
        with selectors.DefaultSelector() as selector:
            selector.register(self._interruptions, selectors.EVENT_READ)
            for each in running:
                selector.register(each.descriptor, selectors.EVENT_READ, each)
            ended = [key.data for key, _ in selector.select(limit) if key.data is not None]
        if not ended:
            self._interruptions.check()
        return ended
