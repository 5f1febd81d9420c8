"""The start command of a virtual machine, which scripts can read, change and replace by subclasses."""

import os
import subprocess
from pathlib import Path
from typing import Any, Self

from charioteer import _core as core
from charioteer.testing.errors import MachineError


class StartCommand(str):
    """A shell command that runs QEMU, usually the path of `run-NAME-vm`.

    It is a string. `_cmd` is the same text. If a script assigns it, `str()`, formatting,
    `machine.start_command` and the next start use the new text. A subclass may override `cmd` and
    `build_environment`, whose results are used at the next start.
    """

    _cmd: str

    def __new__(cls, *arguments: Any, **_named: Any) -> Self:
        """Accepts any arguments, since the `__init__` of a subclass may have others, and set `_cmd`."""
        script = arguments[0] if arguments else ""
        return super().__new__(cls, script if isinstance(script, str) else "")

    def __init__(self, script: str = "") -> None:
        self._cmd = str(script)

    def __str__(self) -> str:
        return self._cmd

    def __format__(self, specification: str) -> str:
        return format(self._cmd, specification)

    def __repr__(self) -> str:
        return repr(self._cmd)

    def current(self) -> Self:
        """Itself, or if `_cmd` was assigned, a copy with that text that shares its attributes."""
        if str.__eq__(self, self._cmd):
            return self
        renewed = str.__new__(type(self), self._cmd)
        renewed.__dict__ = self.__dict__
        return renewed

    @property
    def machine_name(self) -> str:
        """The NAME in `run-NAME-vm`, or "machine"."""
        return core.machine_name(self._cmd)

    def cmd(
        self,
        monitor_socket_path: Path,
        qmp_socket_path: Path,
        shell_socket_path: Path,
        allow_reboot: bool = False,
    ) -> str:
        """The command line for `sh -c`, with the options that the driver adds."""
        sockets = (str(monitor_socket_path), str(qmp_socket_path), str(shell_socket_path))
        return core.driver_command(self._cmd, *sockets, bool(allow_reboot))

    @staticmethod
    def build_environment(state_dir: Path, shared_dir: Path) -> dict[str, str]:
        """The driver's environment plus the variables for start scripts."""
        return {
            **os.environ,
            "TMPDIR": str(state_dir),
            "SHARED_DIR": str(shared_dir),
            "USE_TMPDIR": "1",
        }

    def run(
        self,
        state_dir: Path,
        shared_dir: Path,
        monitor_socket_path: Path,
        qmp_socket_path: Path,
        shell_socket_path: Path,
        allow_reboot: bool = False,
    ) -> "subprocess.Popen[bytes]":
        """Starts QEMU for a caller that listens on the sockets, without a machine object.

        `machine.start()` does not call this: there the core starts QEMU.
        """
        return subprocess.Popen(
            self.cmd(monitor_socket_path, qmp_socket_path, shell_socket_path, allow_reboot),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            shell=True,
            cwd=state_dir,
            env=self.build_environment(state_dir, shared_dir),
        )

    def is_changed(self) -> bool:
        """Whether a subclass or a script changes the command line or the environment.

        Raises MachineError if it overrides `run`.
        """
        if self._overrides("run"):
            raise MachineError(
                f"{type(self).__name__}.run() would not be called, since the core starts QEMU; "
                "override cmd() or build_environment()"
            )
        return self._overrides("cmd") or self._overrides("build_environment")

    def _overrides(self, method: str) -> bool:
        is_own = getattr(type(self), method) is not getattr(StartCommand, method)
        return is_own or method in vars(self)


class NixStartScript(StartCommand):
    """The class of the start scripts of NixOS's virtual machines, and its name up to 25.11."""


QemuStartCommand = NixStartScript
"""The name of the class since NixOS 26.05."""


def as_start_command(command: object) -> StartCommand:
    """Converts a script's argument: a StartCommand, text, a path, or an object with `_cmd`.

    Raises TypeError.
    """
    if isinstance(command, StartCommand):
        return command
    text = command if isinstance(command, (str, os.PathLike)) else getattr(command, "_cmd", None)
    if isinstance(text, (str, os.PathLike)):
        return QemuStartCommand(str(text))
    raise TypeError(
        f"a start command is text, a path or a StartCommand, not {command!r} "
        f"({type(command).__name__})"
    )
