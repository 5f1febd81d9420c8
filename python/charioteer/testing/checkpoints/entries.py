"""Recorded calls."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from charioteer.testing.caller import Kind
from charioteer.testing.checkpoints import stored, values


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
    """Its place among the calls of the run, by their beginning."""
    machine: str
    """Its machine: the name, with a number if an earlier machine has that name."""
    method: str
    key: str
    text: str
    line: int | None
    """The line of the test script that made it."""
    kind: Kind
    """Of the thread that made it."""
    position: int
    """The number of calls of the main thread that had begun when it began."""
    before: MachineState
    after: MachineState
    follows: int = 0
    """Calls that the recorded run made before this one, so that a script sees them in that order.

    For a call of the main thread: the reads of background commands that had returned when it began.
    For such a read: the calls of the main thread that had begun when it returned.
    """
    value: Any = None
    """The result, as `values.encode` stores it."""
    error: Any = None
    """The exception instead of a result, as `values.encode_error` stores it."""
    file: str | None = None
    """The name of the file or folder that the call wrote on the host, in the record."""

    @property
    def is_read(self) -> bool:
        """Whether it reads the output of a background command, on a thread of the driver."""
        return self.method == "call.read" and self.kind is Kind.OTHER

    def to_json(self) -> str:
        """One line without its end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Raises ValueError, LookupError or TypeError for a damaged line."""
        fields: dict[str, Any] = json.loads(line)
        for moment in ("before", "after"):
            fields[moment] = stored.made(MachineState, fields[moment])
        fields["kind"] = Kind(fields["kind"])
        made = stored.made(cls, fields)
        # A script would find the damage only when it makes the call, after the record was chosen.
        values.decode(made.value)
        if made.error is not None:
            values.decode_error(made.error)
        return made


def parse(lines: Iterable[str]) -> list[Entry]:
    """The calls in `lines`, in the order in which they returned, up to a damaged line."""
    found = []
    for line in lines:
        try:
            found.append(Entry.from_json(line))
        except (ValueError, LookupError, TypeError):
            break
    return found


@dataclass(frozen=True)
class Difference:
    """Why the calls of a script do not match the record."""

    machine: str
    """Its name; empty when `made` is a whole sentence."""
    made: str | None
    """The call of the script; None when it left one out."""
    recorded: Entry | None
    """The call in its place in the record; None when there is none."""
    line: int | None
    """The line of the script that made the call."""

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        recorded = self.recorded and f"{self.recorded.machine}.{self.recorded.text}"
        if self.made is None:
            assert self.recorded is not None
            line = "" if self.recorded.line is None else f" (line {self.recorded.line} of it)"
            return f"the recorded script called {recorded}{line}, and this one does not"
        if not self.machine:
            return f"{where}{self.made}"
        if recorded is None:
            return f"{where}{self.machine}.{self.made} was not called in the recorded run"
        return f"{where}{self.machine}.{self.made} is called; recorded is {recorded}"
