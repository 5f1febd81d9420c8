"""Machines, as test scripts use them."""

from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.logger import AbstractLogger
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

# The names that upstream's module defines, and those that it imports, which scripts take from it.
__all__ = [
    "AbstractLogger",
    "BaseMachine",
    "CHAR_TO_KEY",
    "Machine",
    "MachineError",
    "NixStartScript",
    "NspawnMachine",
    "QemuMachine",
    "QemuStartCommand",
    "RequestedAssertionFailed",
    "StartCommand",
    "make_command",
    "retry",
]
