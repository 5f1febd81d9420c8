"""The classes of machines that test scripts use."""

from charioteer.testing.machine.base import BaseMachine
from charioteer.testing.machine.commands import make_command
from charioteer.testing.machine.keys import CHAR_TO_KEY
from charioteer.testing.machine.legacy import Machine
from charioteer.testing.machine.nspawn import NspawnMachine
from charioteer.testing.machine.qemu import QemuMachine
from charioteer.testing.machine.retry import retry
from charioteer.testing.machine.start_command import NixStartScript, QemuStartCommand, StartCommand

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
