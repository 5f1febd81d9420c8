"""The recording of calls while a script runs."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.entries import Entry
from charioteer.testing.checkpoints.made_call import MadeCall, Recorded
from charioteer.testing.checkpoints.record import Record
from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.checkpoints.values import NotRecordable, encode, encode_error
from charioteer.testing.script_trace import current_line


class Recording:
    """Writes the calls of all machines to a record. Thread-safe."""

    replays = False

    def __init__(self, record: Record, places: Places, warn: Callable[[str], None]) -> None:
        """`warn` logs why calls cannot be recorded any more."""
        self.record = record
        self.places = places
        self.why_ended: str | None = None
        """Why no further checkpoint is possible; None while calls are recorded."""
        self._warn = warn
        self._lock = threading.Lock()

    def refuse(self, reason: str) -> None:
        """Calls from now on are not recorded. The first reason is logged."""
        with self._lock:
            is_first = self.why_ended is None
            if is_first:
                self.why_ended = reason
        if is_first:
            self._warn(f"no further checkpoints are saved: {reason}")

    def answer(self, machine: Recorded, made: MadeCall) -> Any:
        raise AssertionError("no record is replayed")

    def perform(self, machine: Recorded, made: MadeCall) -> Any:
        if self.why_ended is not None:
            return made.perform()
        number, line, before = machine.next_number(), current_line(), machine.state()
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
            self.refuse(f"{machine.name}.{made.call.text} was cancelled ({type(error).__name__})")
            raise
        finally:
            self._add(machine, made, number=number, line=line, before=before, **outcome)

    def _stored(self, machine: Recorded, encoder: Callable[[Any], Any], result: Any) -> Any:
        try:
            return encoder(result)
        except NotRecordable as error:
            self.refuse(f"{machine.name} returned {error}")
            return None

    def _add(self, machine: Recorded, made: MadeCall, **fields: Any) -> None:
        """Writes the call to the record unless that has ended; `fields` are of the entry."""
        if self.why_ended is not None:
            return
        try:
            file = None
            if made.written is not None and "value" in fields:
                file = self.record.keep_file(Path(made.written))
            entry = Entry(
                method=made.call.method,
                key=made.call.key,
                text=made.call.text,
                on_main_thread=threading.current_thread() is threading.main_thread(),
                after=machine.state(),
                file=file,
                **fields,
            )
            self.record.add_call(machine.name, entry)
        except OSError as error:
            self.refuse(f"the record cannot be written: {error.filename}: {error.strerror}")
