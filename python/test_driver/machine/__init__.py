"""Machines, as test scripts use them."""

from test_driver.machine.base import BaseMachine
from test_driver.machine.nspawn import NspawnMachine
from test_driver.machine.qemu import QemuMachine
from test_driver.machine.retry import retry

Machine = QemuMachine
"""The name up to NixOS 25.11."""

__all__ = ["BaseMachine", "Machine", "NspawnMachine", "QemuMachine", "retry"]
