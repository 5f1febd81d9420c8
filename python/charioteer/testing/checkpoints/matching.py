"""The comparison of a script's calls with the recorded ones."""

import threading
from collections.abc import Iterable

from charioteer.testing.caller import Caller, Kind
from charioteer.testing.cancellation import Cancelled
from charioteer.testing.checkpoints.calls import Call
from charioteer.testing.checkpoints.entries import Difference, Entry, MachineState

# Every command starts and connects its machine if need be. When several threads do so at once, it
# depends on their order which of them call these methods.
_ENSURE_A_STATE = ("start", "connect")

# Seconds to wait for a call that came first in the recorded run, and that a changed script may not make.
_ORDER_LIMIT = 10.0


class Matching:
    """The recorded calls that a script has not repeated yet. Thread-safe.

    Calls of the main thread, to all machines, must be repeated in their order. So must those that other
    threads make for it while it waits, but in any order among themselves. Other threads of the script may
    be faster or slower than in the recorded run: the first equal call that such a thread made matches.
    """

    def __init__(self, recorded: Iterable[Entry]) -> None:
        recorded = list(recorded)
        self._changed = threading.Condition()
        self._detached = {(e.machine, e.key) for e in recorded if e.method == "call.detach"}
        """Background commands that the script has detached; the key names the command."""
        self._waiting: dict[Kind, list[Entry]] = {kind: [] for kind in Kind}
        for entry in sorted(recorded, key=lambda each: each.number):
            self._waiting[entry.kind].append(entry)
        self._begun = 0
        """Calls of the main thread that were repeated."""
        self._read = 0
        """Reads of background commands that were repeated."""
        self._last = -1
        """The largest number of a call that was repeated."""

    def take(self, machine: str, call: Call, who: Caller) -> Entry | Difference | None:
        """The recorded call that `call` repeats, which is used up; else how they differ.

        None for a call without effect, which is recorded only when threads run in a certain order.
        Raises Cancelled for a read that had not returned when the script detached its command.
        """
        with self._changed:
            waiting = self._waiting[who.kind]
            possible = waiting[:1] if who.kind is Kind.MAIN else waiting
            for entry in possible:
                if self._repeats(entry, machine, call, who.kind):
                    waiting.remove(entry)
                    self._keep_order(entry)
                    return entry
            if who.kind is not Kind.MAIN and call.method in _ENSURE_A_STATE:
                return None
            if call.method == "call.read" and self._is_detached(machine, call.key):
                raise Cancelled
            recorded = possible[0] if who.kind is Kind.MAIN and possible else None
            return Difference(machine, call.text, recorded, who.line)

    def _repeats(self, entry: Entry, machine: str, call: Call, kind: Kind) -> bool:
        if kind is Kind.FOR_MAIN and entry.position != self._begun:
            return False
        return (entry.machine, entry.method, entry.key) == (machine, call.method, call.key)

    def _is_detached(self, machine: str, key: str) -> bool:
        """Whether the script has detached the command, as in the recorded run.

        Waits for that while the script repeats other calls. To be called with the lock.
        """
        if (machine, key) not in self._detached:
            return False

        def is_left() -> bool:
            return any(
                (each.machine, each.method, each.key) == (machine, "call.detach", key)
                for waiting in self._waiting.values()
                for each in waiting
            )

        while is_left():
            begun = self._begun
            has_changed = self._changed.wait_for(
                lambda: not is_left() or self._begun != begun, _ORDER_LIMIT
            )
            if not has_changed:
                return False
        return True

    def _keep_order(self, entry: Entry) -> None:
        """Waits for the calls that `entry` follows. To be called with the lock."""
        self._last = max(self._last, entry.number)
        if entry.kind is Kind.MAIN:
            self._changed.wait_for(lambda: self._read >= entry.follows, _ORDER_LIMIT)
            self._begun += 1
        elif entry.is_read:
            self._changed.wait_for(lambda: self._begun >= entry.follows, _ORDER_LIMIT)
            self._read += 1
        self._changed.notify_all()

    def state_before_next(self, machine: str) -> MachineState | None:
        """The state of the machine before its next call of the main thread; None without one."""
        with self._changed:
            following = (each for each in self._waiting[Kind.MAIN] if each.machine == machine)
            entry = next(following, None)
            return None if entry is None else entry.before

    def is_at(self, number: int, patience: float) -> bool:
        """Whether exactly the calls before `number` were repeated.

        Waits at most `patience` seconds for calls of other threads, which may be about to come.
        """

        def is_left(kind: Kind) -> bool:
            return any(
                each.number < number and each.method not in _ENSURE_A_STATE
                for each in self._waiting[kind]
            )

        with self._changed:
            if self._last >= number or any(e.number < number for e in self._waiting[Kind.MAIN]):
                return False
            others = (Kind.FOR_MAIN, Kind.OTHER)
            self._changed.wait_for(lambda: not any(map(is_left, others)), patience)
            return self._last < number and not any(map(is_left, others))
