"""Virtual machines under the name and with the arguments that they had up to NixOS 25.11."""

from collections.abc import Callable
from pathlib import Path

from charioteer import _core as core
from test_driver.logger import AbstractLogger
from test_driver.machine.qemu import QemuMachine


class Machine(QemuMachine):
    """A virtual machine; `isinstance(machine, Machine)` is true of every QemuMachine."""

    def __init__(
        self,
        out_dir: Path,
        tmp_dir: Path,
        start_command: object,
        logger: AbstractLogger,
        name: str = "machine",
        keep_vm_state: bool = False,
        callbacks: list[Callable[[], None]] | None = None,
    ) -> None:
        """`start_command`: a piece of shell, or an object whose `_cmd` is one.

        Raises as QemuMachine does.
        """
        super().__init__(
            out_dir,
            tmp_dir,
            str(getattr(start_command, "_cmd", start_command)),
            logger,
            name,
            keep_vm_state,
            callbacks,
        )

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        if cls is Machine:
            # Not issubclass(), which asks this class again.
            return QemuMachine in other.__mro__
        return NotImplemented


class NixStartScript:
    """What a start script was wrapped in."""

    def __init__(self, script: str) -> None:
        self._cmd = script

    @property
    def machine_name(self) -> str:
        """The NAME in `run-NAME-vm`, or "machine"."""
        return core.machine_name(self._cmd)
