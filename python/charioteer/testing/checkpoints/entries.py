"""The recorded calls of one machine, and their comparison with the calls of a later run."""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from charioteer.testing.checkpoints.calls import Call

# Every command starts and connects its machine if need be. When several threads do so at once, it
# depends on their order which of them call these methods.
_ENSURE_A_STATE = ("start", "connect")


@dataclass(frozen=True)
class MachineState:
    """What scripts can read of a machine without a call."""

    booted: bool = False
    connected: bool = False
    pid: int | None = None
    """Of QEMU, in the recorded run."""


@dataclass(frozen=True)
class Entry:
    """One recorded call."""

    number: int
    """Its place among the calls of its machine, by their beginning."""
    method: str
    key: str
    text: str
    line: int | None
    """The line of the test script that made it."""
    on_main_thread: bool
    before: MachineState
    after: MachineState
    value: Any = None
    """The result, as `values.encode` stores it."""
    error: Any = None
    """The exception instead of a result, as `values.encode_error` stores it."""
    file: str | None = None
    """The name of the file or folder that the call wrote on the host, in the record."""

    def to_json(self) -> str:
        """One line without its end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Raises ValueError, KeyError or TypeError for a damaged line."""
        fields: dict[str, Any] = json.loads(line)
        for moment in ("before", "after"):
            fields[moment] = MachineState(**fields[moment])
        return cls(**fields)


def read(file: Path) -> list[Entry]:
    """The calls in `file`, in their order; a last line that was not written to its end is dropped."""
    found: dict[int, Entry] = {}
    for line in file.read_text(errors="surrogateescape").splitlines():
        try:
            entry = Entry.from_json(line)
        except (ValueError, KeyError, TypeError):
            break
        found[entry.number] = entry
    whole: list[Entry] = []
    # A call that had not returned when the recorded run was killed has no entry.
    while len(whole) in found:
        whole.append(found[len(whole)])
    return whole


@dataclass(frozen=True)
class Difference:
    """Why the calls of a script do not match the record."""

    machine: str
    """Its name; empty when `made` is a whole sentence."""
    made: str | None
    """The call of the script; None when it left one out."""
    recorded: str | None
    """The call in its place in the record; None when there is none."""
    line: int | None
    """The line of the script that made the call, or had made the recorded one."""

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        if not self.machine:
            return f"{where}{self.made}"
        if self.made is None:
            return f"{where}{self.machine}.{self.recorded} is recorded, and was not called"
        if self.recorded is None:
            return f"{where}{self.machine}.{self.made} is not recorded"
        return f"{where}{self.machine}.{self.made} was called; recorded is {self.recorded}"


class Matching:
    """The recorded calls of one machine that a script has not repeated yet. Thread-safe.

    Calls of the main thread must be repeated in their order. Calls of other threads are compared
    only with each other, since threads may run in another order: the first equal one matches.
    """

    def __init__(self, machine: str, entries: Iterable[Entry]) -> None:
        self._machine = machine
        self._changed = threading.Condition()
        self._main: list[Entry] = []
        self._others: list[Entry] = []
        for entry in entries:
            (self._main if entry.on_main_thread else self._others).append(entry)

    def take(self, call: Call, line: int | None, on_main_thread: bool) -> Entry | Difference | None:
        """The recorded call that `call` repeats, which is used up; else how they differ.

        None for a call without effect, which is recorded only when threads run in a certain order.
        """
        with self._changed:
            waiting = self._main if on_main_thread else self._others
            for place, entry in enumerate(waiting):
                if (entry.method, entry.key) == (call.method, call.key):
                    self._changed.notify_all()
                    return waiting.pop(place)
                if on_main_thread:
                    return Difference(self._machine, call.text, entry.text, line)
        if not on_main_thread and call.method in _ENSURE_A_STATE:
            return None
        return Difference(self._machine, call.text, None, line)

    def next_state(self) -> MachineState | None:
        """The state before the next call of the main thread; None when there is none."""
        with self._changed:
            return self._main[0].before if self._main else None

    def has_main_before(self, number: int) -> bool:
        """Whether a call of the main thread before `number` was not repeated yet."""
        with self._changed:
            return any(each.number < number for each in self._main)

    def left_before(self, number: int, patience: float) -> Difference | None:
        """A call of another thread before `number` that was not repeated, or None.

        Waits at most `patience` seconds for the calls, which may be about to come.
        """

        def left() -> Entry | None:
            return next(
                (
                    each
                    for each in self._others
                    if each.number < number and each.method not in _ENSURE_A_STATE
                ),
                None,
            )

        with self._changed:
            self._changed.wait_for(lambda: not left(), patience)
            entry = left()
        if entry is None:
            return None
        return Difference(self._machine, None, entry.text, entry.line)
