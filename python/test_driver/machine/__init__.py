"""Machines, as test scripts use them."""

from test_driver.machine.base import BaseMachine
from test_driver.machine.commands import make_command
from test_driver.machine.keys import CHAR_TO_KEY
from test_driver.machine.legacy import Machine
from test_driver.machine.nspawn import NspawnMachine
from test_driver.machine.qemu import QemuMachine
from test_driver.machine.retry import retry
from test_driver.machine.start_command import NixStartScript, QemuStartCommand, StartCommand

__all__ = [
    "CHAR_TO_KEY",
    "BaseMachine",
    "Machine",
    "NixStartScript",
    "NspawnMachine",
    "QemuMachine",
    "QemuStartCommand",
    "StartCommand",
    "make_command",
    "retry",
]
