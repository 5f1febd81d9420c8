"""Finds the checkpoint at which a script can resume, by running it with a record in a child process.

A script that is answered from a record cannot be stopped and begun again where it first differs: by then
it has run past the checkpoint before that place. So a forked child runs it to its first difference, with
no machine; then the run itself is answered up to the last checkpoint that the child has passed.
"""

import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.entries import Difference
from charioteer.testing.checkpoints.record import Record
from charioteer.testing.checkpoints.recorded_checkpoints import RecordedCheckpoints, Resume

LIMIT = 120.0
"""Seconds that a rehearsal may take. It waits for nothing, but a script may compute."""


@dataclass(frozen=True)
class Outcome:
    """What a rehearsal found."""

    checkpoints: list[int]
    """The numbers of the checkpoints that the script passed in agreement with the record."""
    difference: str | None
    """The first difference after it; None if there is none, or why the rehearsal ended early."""


class Rehearsal(RecordedCheckpoints):
    """Answers all calls from the record; passes checkpoints instead of resuming at one."""

    def __init__(self, places: Places, record: Record, report: int) -> None:
        """`report`: the descriptor to which the outcome is written. The process then ends."""
        self._candidates = record.resumable()
        self._report = report
        self._passed: list[int] = []
        self._once = threading.Lock()
        super().__init__(places, "", None, Resume(record, self._candidates[-1]))

    def _pass(self, name: str) -> None:
        assert self._replay is not None
        for checkpoint in self._candidates:
            if checkpoint.name == name and self._replay.is_at(checkpoint):
                self._passed.append(checkpoint.number)

    def _expect_resumed(self) -> None:
        pass  # the script has agreed with the record to its end

    def _differ(self, difference: Difference) -> NoReturn:
        self.end(str(difference))

    def end(self, difference: str | None) -> NoReturn:
        """Writes the outcome and ends the process."""
        with self._once:  # another thread may differ at the same time
            text = json.dumps({"checkpoints": self._passed, "difference": difference})
            os.write(self._report, text.encode() + b"\n")
            os._exit(0)


def rehearse(
    record: Record, places: Places, run: Callable[[Rehearsal], None], limit: float = LIMIT
) -> Outcome:
    """Calls `run` in a child process, and returns how far the script agrees with the record.

    `run` executes the script with the machines of the given checkpoints. To be called before the
    process has threads that hold locks which a script may need. `limit` in seconds.
    """
    reader, writer = os.pipe()
    lifeline, lifeline_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.close(lifeline_end)
            _run_in_child(record, places, run, writer, lifeline)
        finally:
            os._exit(1)
    os.close(writer)
    os.close(lifeline)
    try:
        found = _read_line(reader, limit)
    finally:
        os.close(reader)
        os.close(lifeline_end)
        _end_group(child)
    if found is None:
        return Outcome([], f"the script did not come to an end within {limit:.0f} s")
    if not found.endswith(b"\n"):
        return Outcome([], "the script ended its process")
    return Outcome(**json.loads(found))


def _run_in_child(
    record: Record, places: Places, run: Callable[[Rehearsal], None], report: int, lifeline: int
) -> NoReturn:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    # The parent's end of this pipe closes even if it is killed.
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    rehearsal = Rehearsal(places, record, report)
    try:
        run(rehearsal)
        rehearsal.end(None)
    except BaseException as error:
        # As in the run itself, which then fails with it.
        rehearsal.end(f"the script ended with {type(error).__name__}: {error}")


def _end_with_parent(lifeline: int) -> None:
    """Ends the process and what its script has started when the parent ends."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _read_line(descriptor: int, limit: float) -> bytes | None:
    """The bytes up to a line end or to the end; None if neither comes within `limit` seconds."""
    end = time.monotonic() + limit
    found = b""
    while not found.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(end - time.monotonic(), 0))
        if not ready:
            return None
        piece = os.read(descriptor, 65536)
        if not piece:
            break
        found += piece
    return found


def _end_group(child: int) -> None:
    """Ends the child and what its script has started, and waits for the child."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has not made its group yet, or has ended
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(child, 0)
