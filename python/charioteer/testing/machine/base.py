"""The base class of all machines: everything that only needs a way to run a command."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from charioteer.testing.cancellation import check_cancelled
from charioteer.testing.duration import Duration
from charioteer.testing.embedding import TimeLimit
from charioteer.testing.faults.network import MachineNetwork
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine.backend import Backend, ExecuteBackend, Wait
from charioteer.testing.machine.commands import Commands
from charioteer.testing.machine.screen import Screen
from charioteer.testing.machine.units import Units
from charioteer.testing.parameters import checked
from charioteer.testing.wording import kept_state

LOCK = "lock"
"""The file that the core locks while it uses the state directory."""

# Base64 characters in one command when a file is written by the shell, whose limit is 128 KiB.
_PIECE = 60_000


class BaseMachine(Units, Screen, ABC):
    """A machine of the test.

    A subclass implements `_execute`, which runs a command. All machines of a run have the same
    `tmp_dir`, with the state of each in `vm-state-NAME`, and the files shared with guests in
    `shared-xchg`.
    """

    def __init__(
        self,
        out_dir: Path,
        name: str,
        logger: AbstractLogger,
        callbacks: list[Callable[[], None]] | None = None,
        tmp_dir: Path | None = None,
        keep_machine_state: bool = False,
    ) -> None:
        """Creates the directories. `callbacks` are called before every command.

        Raises ValueError for a name with a slash or a NUL, OSError.
        """
        if "/" in name or "\0" in name:
            raise ValueError(
                f"the name of a machine is part of a folder's name, so it cannot be {name!r}"
            )
        self.out_dir = out_dir
        self.name = name
        self.network = MachineNetwork(name)
        """Faults on the links of this machine. The driver connects it to the VLANs of the run."""
        self.logger = logger
        self.callbacks = callbacks if callbacks is not None else []
        self.tmp_dir = tmp_dir or Path(os.environ.get("TMPDIR") or "/tmp")
        self.keep_machine_state = keep_machine_state
        self.limit = TimeLimit()
        self.variables: Mapping[str, str] = {}
        """Environment variables of the start script, beside those of this process."""
        self.state_dir = self.tmp_dir / f"vm-state-{name}"
        self.shared_dir = self.tmp_dir / "shared-xchg"
        self._state_is_reset = self.state_dir.exists() and not keep_machine_state
        for directory in (self.state_dir, self.shared_dir):
            directory.mkdir(mode=0o700, exist_ok=True)
        if self._state_is_reset:
            # The core deletes only the contents; the mode may be that of an earlier run.
            self.state_dir.chmod(0o700)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}'>"

    @property
    def keep_vm_state(self) -> bool:
        """The name of `keep_machine_state` up to NixOS 25.11."""
        return self.keep_machine_state

    @keep_vm_state.setter
    def keep_vm_state(self, is_kept: bool) -> None:
        self.keep_machine_state = is_kept

    def cleanup_statedir(self) -> None:
        """Deletes the files that the machine keeps between its starts, such as disks."""
        for entry in self.state_dir.iterdir():
            # The lock stays, so that no other driver can use the directory.
            if entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self._log_reset()

    def _idle(self, polling: bool) -> None:
        """Called by the core while a call blocks; with `polling` in calls that wait for a condition."""
        check_cancelled()
        self.limit.check()
        self.logger.collect()
        if polling:
            self.run_callbacks()

    def run_callbacks(self) -> None:
        self.limit.check()
        super().run_callbacks()

    def _log_reset(self) -> None:
        self.log(f"deleting {kept_state.name} directory {self.state_dir}")
        self.log(f"if you want to keep the {kept_state.name}, pass {kept_state.flag}")

    # How commands are run

    _builtin_execute: Callable[..., tuple[int, str]] | None = None
    """The class's own `_execute`, in place of which `_own_backend` is used unless it is overridden."""

    def _own_backend(self) -> Backend:
        """The backend of this class of machines."""
        return ExecuteBackend(self)

    @property
    def _command_backend(self) -> Backend:
        """The class's own backend, unless a subclass or a script has replaced `execute`.

        Chosen at each use, since a script may assign `execute` at any moment.
        """
        return ExecuteBackend(self) if self._has_other_execute() else self._own_backend()

    def _has_other_execute(self) -> bool:
        kind = type(self)
        is_ours = kind._execute is kind._builtin_execute and kind.execute is Commands.execute
        return not is_ours or not vars(self).keys().isdisjoint(("execute", "_execute"))

    # Implemented by subclasses

    @abstractmethod
    def is_up(self) -> bool:
        """Whether commands can be run without starting the machine first."""

    @abstractmethod
    def start(self) -> None:
        """Starts the machine. Does nothing if it runs."""

    @abstractmethod
    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        """Waits for the machine's end. Raises subprocess.TimeoutExpired."""

    @abstractmethod
    def shutdown(self) -> None:
        """Shuts the system down and waits for the machine's end."""

    # Files and ports

    @checked
    def wait_for_file(self, filename: str, timeout: Duration = 900) -> None:
        """Waits until the file exists. The guest's shell expands `filename`."""
        with self.nested(f"waiting for file '{filename}'"):
            wait = Wait(f"test -e {filename}", True, timeout, hint=("wait-file", filename))
            self._command_backend.wait_for_probe(wait)

    @checked
    def wait_for_open_port(
        self,
        port: int,
        addr: str = "localhost",
        timeout: Duration = 900,
        *,
        attempt_timeout: Duration | None = None,
    ) -> None:
        """Waits until something listens on the TCP port, as seen from within the guest.

        `attempt_timeout` is the limit of each attempt to connect.
        """
        with self.nested(f"waiting for TCP port {port} on {addr}"):
            self._wait_for_port(port, addr, True, timeout, attempt_timeout)

    @checked
    def wait_for_closed_port(
        self,
        port: int,
        addr: str = "localhost",
        timeout: Duration = 900,
        *,
        attempt_timeout: Duration | None = None,
    ) -> None:
        """Waits until nothing listens on the TCP port, as seen from within the guest.

        `attempt_timeout` is the limit of each attempt to connect.
        """
        with self.nested(f"waiting for TCP port {port} on {addr} to be closed"):
            self._wait_for_port(port, addr, False, timeout, attempt_timeout)

    def _wait_for_port(
        self,
        port: int,
        addr: str,
        is_open: bool,
        timeout: Duration,
        attempt_timeout: Duration | None,
    ) -> None:
        hint = _port_hint(port, addr, "open" if is_open else "closed")
        wait = Wait(f"nc -z {addr} {port}", is_open, timeout, attempt_timeout, hint)
        self._command_backend.wait_for_probe(wait)

    @checked
    def wait_for_open_unix_socket(
        self, addr: str, is_datagram: bool = False, timeout: Duration = 900
    ) -> None:
        """Waits until something listens on the UNIX socket at path `addr` in the guest."""
        kind, flags = ("datagram", "-uU") if is_datagram else ("stream", "-U")
        with self.nested(f"waiting for UNIX-domain {kind} on '{addr}'"):
            hint = ("wait-unix", addr, kind)
            wait = Wait(f"nc -z {flags} {addr}", True, timeout, hint=hint)
            self._command_backend.wait_for_probe(wait)

    @checked
    def copy_from_host_via_shell(self, source: str, target: str) -> None:
        """Writes a small file of the host into the guest, with shell commands only."""
        from base64 import b64encode

        content = b64encode(Path(source).read_bytes()).decode()
        self.succeed(f"mkdir -p $(dirname {target})")
        for begin in range(0, max(len(content), 1), _PIECE):
            piece, redirect = content[begin : begin + _PIECE], ">>" if begin else ">"
            self.succeed(f"echo -n {piece} | base64 -d {redirect} {target}")


def _port_hint(port: int, addr: str, state: str) -> tuple[str, ...]:
    """The agent's program that waits for the port; none for ports of other machines."""
    # A port may also be the name of a service, which only nc can resolve.
    if addr not in ("localhost", "127.0.0.1", "::1", "0.0.0.0") or not str(port).isdecimal():
        return ()
    return ("wait-port", str(port), state)
