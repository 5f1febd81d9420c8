"""Files to and from a virtual machine."""

import warnings
from pathlib import Path

from charioteer import _core as core
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine.copies import Copies
from charioteer.testing.machine.life_cycle import LifeCycle
from charioteer.testing.parameters import checked


class Files(LifeCycle, Copies):
    """Part of every virtual machine."""

    def _connected(self) -> core.Machine:
        self.connect()
        return self.handle

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
        """The old name of `copy_from_machine`."""
        warnings.warn("Use copy_from_machine() instead", DeprecationWarning, stacklevel=2)
        self.copy_from_machine(source, target_dir)
