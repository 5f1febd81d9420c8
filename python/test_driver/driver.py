"""The driver."""

from typing import Any

from charioteer.testing.config import DriverConfiguration, load_driver_configuration
from charioteer.testing.debug import DebugAbstract, DebugNop
from charioteer.testing.directories import temporary_directory as get_tmp_dir
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import BaseMachine, Machine, NspawnMachine, QemuMachine, retry
from charioteer.testing.polling_condition import PollingCondition
from charioteer.testing.symbols import pythonized as pythonize_name
from charioteer.testing.vlan import VLan

# The names that upstream's module defines, and those that it imports, which scripts take from it.
__all__ = [
    "AbstractLogger",
    "BaseMachine",
    "DebugAbstract",
    "DebugNop",
    "Driver",
    "DriverConfiguration",
    "Machine",
    "MachineError",
    "NspawnMachine",
    "PollingCondition",
    "QemuMachine",
    "RequestedAssertionFailed",
    "VLan",
    "get_tmp_dir",
    "load_driver_configuration",
    "pythonize_name",
    "retry",
]


def __getattr__(name: str) -> Any:
    """`AssertionTester`, whose unittest takes long to import."""
    if name == "AssertionTester":
        from charioteer.testing.assertions import AssertionTester

        return AssertionTester
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
