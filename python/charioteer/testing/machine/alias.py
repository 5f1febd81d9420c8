"""The name `machine` for a machine with another name."""

import warnings
from typing import Any

from charioteer.testing.machine.base import BaseMachine


class MachineAlias:
    """A proxy of the machine that warns of its use, like that of NixOS 26.11.

    Unlike upstream's it is an instance of the machine's class and equal to the machine, because up
    to NixOS 26.05 the name was the machine itself.
    """

    def __init__(self, machine: BaseMachine) -> None:
        object.__setattr__(self, "_machine", machine)

    def __getattribute__(self, name: str) -> Any:
        machine = object.__getattribute__(self, "_machine")
        if name == "__class__":
            return type(machine)
        warnings.warn(
            f"invoking '{type(machine).__name__}.{name}' is deprecated: It's deprecated to use the "
            f"`machine` variable when the only machine is called {machine.name}. "
            "This behavior will no longer work in NixOS 27.05.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(machine, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_machine"), name, value)

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "_machine"))

    def __eq__(self, other: object) -> bool:
        return other is self or other is object.__getattribute__(self, "_machine")

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "_machine"))
