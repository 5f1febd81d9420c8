"""What every kind of machine can do, given a way to run a command in it."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from charioteer.testing.cancellation import check_cancelled
from charioteer.testing.duration import Duration
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine.backend import Backend, ExecuteBackend
from charioteer.testing.machine.commands import Commands
from charioteer.testing.machine.screen import Screen
from charioteer.testing.machine.units import Units
from charioteer.testing.parameters import checked
from charioteer.testing.wording import kept_state

LOCK = "lock"
"""The file of the state directory by which the core claims it."""

# What goes into one command when a file is written by the shell; bash takes 128 KiB.
_PIECE = 60_000


class BaseMachine(Units, Screen, ABC):
    """A machine of the test.

    A subclass says by `_execute` how a command is run. All paths of machines of a run are under
    its `tmp_dir`: the state in `vm-state-NAME`, what is shared with guests in `shared-xchg`.
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
        """`callbacks` are called before every command. Makes the directories.

        Raises ValueError for a name that no folder can have, OSError.
        """
        if "/" in name or "\0" in name:
            raise ValueError(
                f"the name of a machine is part of a folder's, which {name!r} cannot be"
            )
        self.out_dir = out_dir
        self.name = name
        self.logger = logger
        self.callbacks = callbacks if callbacks is not None else []
        self.tmp_dir = tmp_dir or Path(os.environ.get("TMPDIR") or "/tmp")
        self.keep_machine_state = keep_machine_state
        self.state_dir = self.tmp_dir / f"vm-state-{name}"
        self.shared_dir = self.tmp_dir / "shared-xchg"
        self._state_is_reset = self.state_dir.exists() and not keep_machine_state
        for directory in (self.state_dir, self.shared_dir):
            directory.mkdir(mode=0o700, exist_ok=True)
        if self._state_is_reset:
            # It is as good as new; the core only empties it.
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
        """Deletes what the machine keeps between its starts, its disks above all."""
        for entry in self.state_dir.iterdir():
            # The claim that keeps other drivers out stays.
            if entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self._log_reset()

    def _idle(self, polling: bool) -> None:
        """Called by the core while it waits; `polling`: for something that a test waits for."""
        check_cancelled()
        self.logger.collect()
        if polling:
            self.run_callbacks()

    def _log_reset(self) -> None:
        self.log(f"deleting {kept_state.name} directory {self.state_dir}")
        self.log(f"if you want to keep the {kept_state.name}, pass {kept_state.flag}")

    # How commands are run

    _builtin_execute: Callable[..., tuple[int, str]] | None = None
    """The `_execute` of this kind of machine, of which `_own_backend` knows a better way."""

    def _own_backend(self) -> Backend:
        """How machines of this kind run commands."""
        return ExecuteBackend(self)

    @property
    def _command_backend(self) -> Backend:
        """How commands are run: the machine's own way, unless a subclass or a script has another.

        Chosen anew each time, since a script may assign `execute` at any moment.
        """
        return ExecuteBackend(self) if self._has_other_execute() else self._own_backend()

    def _has_other_execute(self) -> bool:
        kind = type(self)
        is_ours = kind._execute is kind._builtin_execute and kind.execute is Commands.execute
        return not is_ours or not vars(self).keys().isdisjoint(("execute", "_execute"))

    # What a subclass provides

    @abstractmethod
    def is_up(self) -> bool:
        """Whether commands can be run without starting it first."""

    @abstractmethod
    def start(self) -> None:
        """Starts it. Does nothing when it runs."""

    @abstractmethod
    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        """Waits for its end. Raises subprocess.TimeoutExpired."""

    @abstractmethod
    def shutdown(self) -> None:
        """Shuts it down in an orderly way and waits for its end."""

    # Files and ports

    @checked
    def wait_for_file(self, filename: str, timeout: Duration = 900) -> None:
        """Waits until the file exists. The guest's shell expands `filename`."""
        with self.nested(f"waiting for file '{filename}'"):
            hint = ("wait-file", filename)
            self._command_backend.wait_for_probe(f"test -e {filename}", True, timeout, hint, None)

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
        self, port: int, addr: str, is_open: bool, timeout: Duration, limit: Duration | None
    ) -> None:
        hint = _port_hint(port, addr, "open" if is_open else "closed")
        probe = f"nc -z {addr} {port}"
        self._command_backend.wait_for_probe(probe, is_open, timeout, hint, limit)

    @checked
    def wait_for_open_unix_socket(
        self, addr: str, is_datagram: bool = False, timeout: Duration = 900
    ) -> None:
        """Waits until something listens on the UNIX socket at path `addr` in the guest."""
        kind, flags = ("datagram", "-uU") if is_datagram else ("stream", "-U")
        with self.nested(f"waiting for UNIX-domain {kind} on '{addr}'"):
            hint = ("wait-unix", addr, kind)
            self._command_backend.wait_for_probe(f"nc -z {flags} {addr}", True, timeout, hint, None)

    @checked
    def copy_from_host_via_shell(self, source: str, target: str) -> None:
        """Writes a file of the host into the guest by shell commands alone; for small files."""
        from base64 import b64encode

        content = b64encode(Path(source).read_bytes()).decode()
        self.succeed(f"mkdir -p $(dirname {target})")
        for begin in range(0, max(len(content), 1), _PIECE):
            piece, redirect = content[begin : begin + _PIECE], ">>" if begin else ">"
            self.succeed(f"echo -n {piece} | base64 -d {redirect} {target}")


def _port_hint(port: int, addr: str, state: str) -> tuple[str, ...]:
    """What in the guest knows of the port; nothing there knows of those of other machines."""
    # As text it may be the name of a service, of which nc knows the number.
    if addr not in ("localhost", "127.0.0.1", "::1", "0.0.0.0") or not str(port).isdecimal():
        return ()
    return ("wait-port", str(port), state)
