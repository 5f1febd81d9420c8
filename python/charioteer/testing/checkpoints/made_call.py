"""A call of a script to a machine, and what handles all calls of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from charioteer.testing.checkpoints.calls import Call, CallKind, Places
from charioteer.testing.checkpoints.entries import MachineState


class Recorded(Protocol):
    """The part of a recorded machine that handles its calls."""

    record_name: str
    """See Entry.machine."""
    recorded_state: MachineState
    """During replay: after the last call."""

    def state(self) -> MachineState:
        """What scripts can read of the core's machine without a call."""


@dataclass(frozen=True)
class MadeCall:
    """A call that a script makes."""

    call: Call
    kind: CallKind
    named: dict[str, Any]
    """The arguments."""
    perform: Callable[[], Any]
    """Passes the call to the core."""

    @property
    def written(self) -> str | None:
        """The path on the host to which the call writes."""
        return self.named[self.kind.writes] if self.kind.writes else None


class CallHandler(Protocol):
    """Records the calls to all machines of a run, or answers them."""

    places: Places

    def record_name(self, name: str) -> str:
        """The name in the record of a new machine called `name`."""

    @property
    def replays(self) -> bool:
        """Whether calls are answered from a record now, and no machine runs."""

    def answer(self, machine: Recorded, made: MadeCall) -> Any:
        """The recorded result of a call. Raises the recorded exception."""

    def perform(self, machine: Recorded, made: MadeCall) -> Any:
        """Performs a call, and records it if calls are recorded."""

    def state_of(self, machine: Recorded) -> MachineState:
        """While calls are answered from a record: what scripts can read of the machine now."""

    def refuse(self, reason: str) -> None:
        """A machine is used in a way that cannot be recorded: no further checkpoint is possible."""
