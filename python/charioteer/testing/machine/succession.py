"""A state directory that several machines of one name use one after the other."""

import threading
import weakref
from pathlib import Path
from typing import Protocol

from charioteer import _core as core
from charioteer.testing.errors import MachineError

_lock = threading.Lock()
_holders: dict[Path, "weakref.ref[Holder]"] = {}


class Holder(Protocol):
    """A machine whose state directory others may take over."""

    handle: core.Machine
    name: str
    state_dir: Path

    @property
    def booted(self) -> bool:
        ...

    def wait_for_shutdown(self) -> None:
        ...


def take_over_state(machine: Holder) -> None:
    """Makes an earlier machine release the state directory that `machine` is about to claim.

    The earlier machine must be off, and claims the directory again at its own next start. Raises
    MachineError if that machine runs.
    """
    with _lock:
        reference = _holders.get(machine.state_dir)
        holder = None if reference is None else reference()
        # Without a handle if its constructor failed.
        if holder is not None and holder is not machine and hasattr(holder, "handle"):
            _dispossess(holder)
        _holders[machine.state_dir] = weakref.ref(machine)


def _dispossess(holder: Holder) -> None:
    process = holder.handle.process
    if process is not None and process.poll() is not None:
        holder.wait_for_shutdown()
    if holder.booted:
        raise MachineError(
            f"{holder.name}: a machine of that name runs in {holder.state_dir}; shut it down "
            "before, or give another name"
        )
    holder.handle.yield_directory()
