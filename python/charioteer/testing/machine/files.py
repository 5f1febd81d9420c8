"""Files to and from a virtual machine."""

import os
import warnings
from pathlib import Path

from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine.life_cycle import LifeCycle
from charioteer.testing.parameters import checked


class Files(LifeCycle):
    """Part of every virtual machine."""

    @checked
    def copy_from_host(self, source: str, target: str) -> None:
        """Copies a file or folder of the host into the guest, as root, keeping modes.

        `target` is made a folder's entry when it is an existing folder, as by `cp -r`.
        Raises FileNotFoundError, MachineError.
        """
        if not os.path.exists(source):
            raise FileNotFoundError(f"{self.name}: no file or folder {source} to copy")
        self.run_callbacks()
        self.connect()
        self.handle.copy_in(os.path.abspath(source), target)

    @checked
    def copy_from_machine(self, source: str, target_dir: str = "") -> None:
        """Copies a file or folder of the guest to `target_dir` of the output directory.

        A file there is replaced. Raises FileExistsError for a folder there, MachineError.
        """
        folder = self.out_dir / target_dir
        folder.mkdir(parents=True, exist_ok=True)
        self.run_callbacks()
        self.connect()
        self.handle.copy_out(source, str(folder / Path(source).name))

    @checked
    def copy_from_host_via_shell(self, source: str, target: str) -> None:
        self.connect()
        if self._has_other_execute():
            super().copy_from_host_via_shell(source, target)
            return
        self.succeed(f"mkdir -p $(dirname {target})")
        content = Path(source).read_bytes()
        if self.handle.has_agent:
            self.run(f"cat > {target}", stdin=content, stream=False).check()
            return
        self.succeed(f": > {target}")
        status, output = self.handle.append_by_shell(content, target)
        if status != 0:
            error = RequestedAssertionFailed(f"cannot write {target} (exit code {status})")
            error.add_note(output)
            raise error

    def copy_from_vm(self, source: str, target_dir: str = "") -> None:
        """The older name of `copy_from_machine`."""
        warnings.warn("Use copy_from_machine() instead", DeprecationWarning, stacklevel=2)
        self.copy_from_machine(source, target_dir)
