"""Machines, as test scripts use them."""

from charioteer.testing.machine import (
    CHAR_TO_KEY,
    BaseMachine,
    Machine,
    NixStartScript,
    NspawnMachine,
    QemuMachine,
    QemuStartCommand,
    StartCommand,
    make_command,
    retry,
)

__all__ = [
    "BaseMachine",
    "CHAR_TO_KEY",
    "Machine",
    "NixStartScript",
    "NspawnMachine",
    "QemuMachine",
    "QemuStartCommand",
    "StartCommand",
    "make_command",
    "retry",
]
