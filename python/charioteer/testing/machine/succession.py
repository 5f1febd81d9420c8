"""State directories that several machines with the same name use in turn."""

import threading
import weakref
from pathlib import Path
from typing import Protocol

from charioteer import _core as core
from charioteer.testing.errors import MachineError

_lock = threading.Lock()
_holders: dict[Path, "weakref.ref[Holder]"] = {}


class Holder(Protocol):
    """A machine that uses a state directory."""

    handle: core.Machine
    name: str
    state_dir: Path

    @property
    def booted(self) -> bool:
        ...

    def wait_for_shutdown(self) -> None:
        ...


def take_over_state(machine: Holder) -> None:
    """Unlocks the state directory of `machine` if an earlier machine with the same name locked it.

    The earlier machine must be off; at its next start it takes the directory back. Raises
    MachineError if it runs.
    """
    with _lock:
        reference = _holders.get(machine.state_dir)
        holder = None if reference is None else reference()
        # A machine whose constructor failed has no handle.
        if holder is not None and holder is not machine and hasattr(holder, "handle"):
            _release_directory(holder)
        _holders[machine.state_dir] = weakref.ref(machine)


def _release_directory(holder: Holder) -> None:
    process = holder.handle.process
    if process is not None and process.poll() is not None:
        holder.wait_for_shutdown()
    if holder.booted:
        raise MachineError(
            f"{holder.name}: a machine with this name already runs in {holder.state_dir}; shut it "
            "down first, or use another name"
        )
    holder.handle.yield_directory()
