"""Copies of files to and from virtual machines and containers."""

import os
from abc import abstractmethod
from pathlib import Path

from charioteer import _core as core
from charioteer.testing.machine.base import BaseMachine
from charioteer.testing.parameters import checked


class Copies(BaseMachine):
    """Part of every virtual machine and container."""

    @abstractmethod
    def _connected(self) -> core.Guest:
        """The core's guest, started and connected if it is not yet."""

    @checked
    def copy_from_host(self, source: str, target: str) -> None:
        """Copies a file or folder of the host into the guest, as root, and preserves modes.

        If `target` is an existing folder, the copy is created in it, as by `cp -r`. Raises
        FileNotFoundError, CopyFailed, MachineError.
        """
        if not os.path.exists(source):
            raise FileNotFoundError(f"{self.name}: no file or folder {source} to copy")
        self.run_callbacks()
        with self.logger.unlogged_step(f"copying in {source}", {"machine": self.name}):
            self._connected().copy_in(os.path.abspath(source), target)

    @checked
    def copy_from_machine(self, source: str, target_dir: str = "") -> None:
        """Copies a file or folder of the guest to `target_dir` of the output directory.

        An existing file is replaced. Raises FileExistsError for an existing folder, CopyFailed,
        MachineError.
        """
        folder = self.out_dir / target_dir
        folder.mkdir(parents=True, exist_ok=True)
        self.run_callbacks()
        copy = str(folder / Path(source).name)
        with self.logger.unlogged_step(f"copying out {source}", {"machine": self.name}):
            self.logger.describe_step({"file": copy})
            self._connected().copy_out(source, copy)
