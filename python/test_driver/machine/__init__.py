"""Machines, as test scripts use them."""

from test_driver.machine.base import BaseMachine
from test_driver.machine.legacy import Machine, NixStartScript
from test_driver.machine.nspawn import NspawnMachine
from test_driver.machine.qemu import QemuMachine
from test_driver.machine.retry import retry

__all__ = ["BaseMachine", "Machine", "NixStartScript", "NspawnMachine", "QemuMachine", "retry"]
