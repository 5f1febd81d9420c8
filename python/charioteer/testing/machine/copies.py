"""Files to and from a guest of the core's."""

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
        """The core's guest, which is started, and waited for, if need be."""

    @checked
    def copy_from_host(self, source: str, target: str) -> None:
        """Copies a file or folder of the host into the guest, as root, keeping modes.

        `target` is made a folder's entry when it is an existing folder, as by `cp -r`.
        Raises FileNotFoundError, MachineError.
        """
        if not os.path.exists(source):
            raise FileNotFoundError(f"{self.name}: no file or folder {source} to copy")
        self.run_callbacks()
        self._connected().copy_in(os.path.abspath(source), target)

    @checked
    def copy_from_machine(self, source: str, target_dir: str = "") -> None:
        """Copies a file or folder of the guest to `target_dir` of the output directory.

        A file there is replaced. Raises FileExistsError for a folder there, MachineError.
        """
        folder = self.out_dir / target_dir
        folder.mkdir(parents=True, exist_ok=True)
        self.run_callbacks()
        self._connected().copy_out(source, str(folder / Path(source).name))
