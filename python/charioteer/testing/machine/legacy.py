"""Virtual machines with their class name and arguments of NixOS up to 25.11."""

from collections.abc import Callable
from pathlib import Path

from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine.qemu import QemuMachine
from charioteer.testing.machine.start_command import as_start_command


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
        """`start_command`: a piece of shell, a StartCommand, or an object whose `_cmd` is one.

        Raises as QemuMachine does.
        """
        super().__init__(
            out_dir,
            tmp_dir,
            as_start_command(start_command),
            logger,
            name,
            keep_vm_state,
            callbacks,
        )

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        if cls is Machine:
            # Not issubclass(), which would call this method again.
            return QemuMachine in other.__mro__
        # mypy 1 and 2 declare NotImplemented differently; both accept this.
        undecided: bool = NotImplemented
        return undecided
