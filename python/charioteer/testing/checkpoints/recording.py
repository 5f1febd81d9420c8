"""The recording of calls while a script runs."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from charioteer.testing.caller import Kind, caller
from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.entries import Entry
from charioteer.testing.checkpoints.made_call import MadeCall, Recorded
from charioteer.testing.checkpoints.record import Record, reason_of
from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.checkpoints.values import NotRecordable, encode, encode_error


class Recording:
    """Writes the calls of all machines to a record. Thread-safe."""

    def __init__(self, record: Record, places: Places, warn: Callable[[str], None]) -> None:
        """`warn` logs why calls cannot be recorded any more."""
        self.record = record
        self.places = places
        self.why_ended: str | None = None
        """Why no further checkpoint is possible; None while calls are recorded."""
        self._warn = warn
        self._lock = threading.Lock()
        recorded = record.calls()
        self._number = 1 + max((each.number for each in recorded), default=-1)
        self._begun = sum(each.kind is Kind.MAIN for each in recorded)
        """Calls of the main thread."""
        self._read = sum(each.is_read for each in recorded)
        """Reads of background commands that have returned."""

    @property
    def next_number(self) -> int:
        """The number of the next call."""
        with self._lock:
            return self._number

    def refuse(self, reason: str) -> None:
        """Calls from now on are not recorded. The first reason is logged."""
        with self._lock:
            is_first = self.why_ended is None
            if is_first:
                self.why_ended = reason
        if is_first:
            self._warn(f"no further checkpoints are saved: {reason}")

    def perform(self, machine: Recorded, made: MadeCall) -> Any:
        """Performs a call and records its result."""
        if self.why_ended is not None:
            return made.perform()
        entry = self._begin(machine, made)
        outcome: dict[str, Any] = {}
        try:
            with unrecorded():
                value = made.perform()
            outcome["value"] = self._stored(machine, encode, value)
            return value
        except Exception as error:
            outcome["error"] = self._stored(machine, encode_error, error)
            raise
        except BaseException as error:
            # The output of a command is not read any more when the script has detached it.
            if made.call.method != "call.read":
                name = type(error).__name__
                self.refuse(f"{machine.record_name}.{made.call.text} was cancelled ({name})")
            raise
        finally:
            if outcome:
                self._end(machine, made, {**entry, **outcome})

    def _begin(self, machine: Recorded, made: MadeCall) -> dict[str, Any]:
        """What is known of an entry when the call begins."""
        who = caller()
        with self._lock:
            number, position, follows = self._number, self._begun, self._read
            self._number += 1
            self._begun += who.kind is Kind.MAIN
        return {
            "number": number,
            "machine": machine.record_name,
            "method": made.call.method,
            "key": made.call.key,
            "text": made.call.text,
            "line": who.line,
            "kind": who.kind,
            "position": position,
            "follows": follows,
            "before": machine.state(),
        }

    def _stored(self, machine: Recorded, encoder: Callable[[Any], Any], result: Any) -> Any:
        try:
            return encoder(result)
        except NotRecordable as error:
            self.refuse(f"{machine.record_name} returned {error}")
            return None

    def _end(self, machine: Recorded, made: MadeCall, fields: dict[str, Any]) -> None:
        """Writes the call to the record unless that has ended."""
        if self.why_ended is not None:
            return
        try:
            if made.written is not None and "value" in fields:
                fields["file"] = self.record.keep_file(Path(made.written))
            entry = Entry(after=machine.state(), **fields)
            with self._lock:
                if entry.is_read:
                    self._read += 1
                    entry = replace(entry, follows=self._begun)
            self.record.add_call(entry)
        except OSError as error:
            self.refuse(f"the record cannot be written: {reason_of(error, self.record.folder)}")
