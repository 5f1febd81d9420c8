"""A run that a suite has started: its process, what it takes, and how it has ended."""

import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charioteer.report.files import PAGE
from charioteer.suite import child, outcome
from charioteer.suite.cause import LOG
from charioteer.suite.demand import Measured
from charioteer.suite.discovery import Case
from charioteer.suite.ledger import Entry
from charioteer.suite.schedule import Job
from charioteer.suite.usage import Meter, Process
from charioteer.trace.records import FILE_NAME as TRACE

_START_LIMIT = 7200.0
"""Seconds until the driver begins: it may have to build all images before."""
_END_LIMIT = 180.0
"""Seconds for what the driver does beside the script, which has the time limit of the test."""
_FULL = 1 << 20
"""Bytes: with less than that, a disk is full."""


@dataclass(frozen=True)
class Finished:
    """How a run has ended. `measured` is None if it was too short; `report` may not exist."""

    outcome: outcome.Outcome
    reason: str
    seconds: float
    measured: Measured | None


class Running:
    """A run, which has `claim` of the ledger until `finish`. Main thread only."""

    def __init__(self, job: Job, case: Case, folder: Path, claim: Entry) -> None:
        """Starts the run, which writes into `folder`. Raises OSError; then the claim is released."""
        self.job = job
        self.case = case
        self.folder = folder
        self.began = time.monotonic()
        self._claim = claim
        self._overdue = ""
        self._full_disk: Path | None = None
        self._began_script: float | None = None
        try:
            folder.mkdir(parents=True)
            with _log(folder) as log:
                self._process = child.start(case.cluster.file, folder, log, claim.descriptor)
            self.descriptor = self._open_process()
            """Readable when the run has ended."""
        except BaseException:
            claim.release()
            raise
        self._meter = Meter(self._process.pid)

    def _open_process(self) -> int:
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:
            self.kill()
            self._process.wait()
            raise

    @property
    def memory(self) -> int:
        """The MB at the peak so far."""
        return self._meter.peak >> 20

    @property
    def report(self) -> Path | None:
        page = self.folder / PAGE
        return page if page.exists() else None

    def sample(self, table: dict[int, Process]) -> None:
        """Measures what the run takes, and kills it if it does not end by itself."""
        self._meter.sample(table)
        self._look_at_disks()
        now = time.monotonic()
        if self._began_script is None and (self.folder / TRACE).exists():
            self._began_script = now
        if not self._overdue:
            since = None if self._began_script is None else now - self._began_script
            limit = self.case.cluster.global_timeout
            self._overdue = overdue(now - self.began, since, limit)
            if self._overdue:
                child.kill_group(self._process)

    def terminate(self) -> None:
        """Makes the run end its machines, and then itself."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        child.kill_group(self._process)

    def finish(self) -> Finished:
        """To be called when the run has ended: ends what it has left in its session."""
        seconds = time.monotonic() - self.began
        child.kill_group(self._process)
        status = self._process.wait()
        os.close(self.descriptor)
        self._claim.release()
        began, at_limit = (True, False) if status == 0 else outcome.facts_of_trace(self.folder)
        self._look_at_disks()
        ended = outcome.Ended(status, began, at_limit, self._full_disk, self._overdue)
        found, reason = outcome.classify(ended)
        return Finished(found, reason, seconds, self._meter.measured(seconds))

    def _look_at_disks(self) -> None:
        # Also while it lasts: at its end a run removes the disks of its guests.
        if self._full_disk is None:
            self._full_disk = _full_disk(self.folder)


def overdue(since_start: float, since_begin: float | None, limit: float) -> str:
    """Why a run is killed, or an empty text. Times are in seconds.

    `since_begin`: the time since the driver has begun; None if it has not. `limit`: that of the test.
    """
    if since_begin is None:
        late = since_start > _START_LIMIT
        return f"the driver has not begun within {_START_LIMIT:.0f} s" if late else ""
    late = since_begin > limit + _END_LIMIT
    return f"the driver has not ended {_END_LIMIT:.0f} s after the time limit" if late else ""


def _log(folder: Path) -> IO[bytes]:
    return open(os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _full_disk(folder: Path) -> Path | None:
    """The folder of the run or of the machines' state, if its disk is full."""
    for each in (folder, Path(tempfile.gettempdir())):
        try:
            if shutil.disk_usage(each).free < _FULL:
                return each
        except OSError:
            continue  # the test has removed it, or made it unreadable
    return None
