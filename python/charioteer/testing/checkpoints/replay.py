"""Answers to the calls of a script from the record of an earlier run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from charioteer.testing.checkpoints import record as records
from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.entries import Difference, MachineState, Matching
from charioteer.testing.checkpoints.made_call import MadeCall, Recorded
from charioteer.testing.checkpoints.record import Checkpoint, Record
from charioteer.testing.checkpoints.values import decode, decode_error
from charioteer.testing.script_trace import current_line

_THREAD_PATIENCE = 10  # seconds


class Replay:
    """Answers the calls of all machines as recorded. Thread-safe."""

    replays = True

    def __init__(
        self, record: Record, places: Places, differ: Callable[[Difference], NoReturn]
    ) -> None:
        """`differ` is called, on any thread, for a call that does not match the record."""
        self.record = record
        self.places = places
        self._differ = differ
        self._matching: dict[str, Matching] = {}
        self._lock = threading.Lock()
        self._answered = 0

    @property
    def answered(self) -> int:
        """The number of calls that were answered."""
        with self._lock:
            return self._answered

    def _of(self, machine: str) -> Matching:
        with self._lock:
            if machine not in self._matching:
                self._matching[machine] = Matching(machine, self.record.calls(machine))
            return self._matching[machine]

    def answer(self, machine: Recorded, made: MadeCall) -> Any:
        on_main_thread = threading.current_thread() is threading.main_thread()
        entry = self._of(machine.name).take(made.call, current_line(), on_main_thread)
        if isinstance(entry, Difference):
            self._differ(entry)
        if entry is None:
            return None
        machine.next_number()
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
        on_main_thread = threading.current_thread() is threading.main_thread()
        following = self._of(machine.name).next_state() if on_main_thread else None
        return following or machine.recorded_state

    def perform(self, machine: Recorded, made: MadeCall) -> Any:
        raise AssertionError("a call during replay is answered from the record")

    def refuse(self, reason: str) -> None:
        """A recorded script does not do so before a checkpoint, but this one does."""
        self._differ(Difference("", reason, None, current_line()))

    def has_reached(self, checkpoint: Checkpoint) -> bool:
        """Whether the script has made all calls from before `checkpoint`.

        Waits a moment for calls of other threads; calls `differ` when they do not come.
        """
        calls = checkpoint.calls or {}
        matching = [(self._of(machine), count) for machine, count in calls.items()]
        if any(each.has_main_before(count) for each, count in matching):
            return False
        for each, count in matching:
            left = each.left_before(count, _THREAD_PATIENCE)
            if left is not None:
                self._differ(left)
        return True
