"""Answers to the calls of a script from the record of an earlier run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from charioteer.testing.caller import Kind, caller
from charioteer.testing.checkpoints import record as records
from charioteer.testing.checkpoints import times
from charioteer.testing.checkpoints.entries import Difference, MachineState
from charioteer.testing.checkpoints.made_call import MadeCall, Recorded
from charioteer.testing.checkpoints.matching import Matching
from charioteer.testing.checkpoints.record import Checkpoint, Record
from charioteer.testing.checkpoints.values import decode, decode_error

_THREAD_PATIENCE = 10.0  # seconds


class Replay:
    """Answers the calls of all machines as recorded. Thread-safe."""

    def __init__(self, record: Record, differ: Callable[[Difference], NoReturn]) -> None:
        """`differ` is called, on any thread, for a call that does not match the record."""
        self.record = record
        self._differ = differ
        recorded = record.calls()
        self.moved_by = times.to_move(recorded)
        """The seconds by which the times of the recorded commands are later."""
        self._matching = Matching(times.moved(each, self.moved_by) for each in recorded)
        self._lock = threading.Lock()
        self._answered = 0

    @property
    def answered(self) -> int:
        """The number of calls that were answered."""
        with self._lock:
            return self._answered

    def answer(self, machine: Recorded, made: MadeCall) -> Any:
        """The recorded result of a call. Raises the recorded exception."""
        entry = self._matching.take(machine.record_name, made.call, caller())
        if isinstance(entry, Difference):
            self._differ(entry)
        if entry is None:
            return None
        machine.recorded_state = entry.after
        with self._lock:
            self._answered += 1
        if entry.file is not None and made.written is not None:
            records.copy(self.record.file(entry.file), Path(made.written))
        if entry.error is not None:
            raise decode_error(entry.error)
        return decode(entry.value)

    def state_of(self, machine: Recorded) -> MachineState:
        """What scripts can read of the machine now.

        Calls that are not recorded may have changed it since the last one, as those of polling
        conditions do, which connect a machine.
        """
        following = None
        if caller().kind is Kind.MAIN:
            following = self._matching.state_before_next(machine.record_name)
        return following or machine.recorded_state

    def refuse(self, reason: str) -> None:
        """A recorded script does not do so before a checkpoint, but this one does."""
        self._differ(Difference("", reason, None, caller().line))

    def is_at(self, checkpoint: Checkpoint) -> bool:
        """Whether the script has made exactly the calls from before `checkpoint`."""
        return checkpoint.calls is not None and self._matching.is_at(
            checkpoint.calls, _THREAD_PATIENCE
        )
