"""The life cycle of a virtual machine: its start, process, connections and end."""

import os
from pathlib import Path
from typing import NamedTuple

from charioteer import _core as core
from charioteer.testing.duration import Duration
from charioteer.testing.machine.base import BaseMachine
from charioteer.testing.machine.connections import Monitor, RootShell
from charioteer.testing.machine.console import ConsoleLines
from charioteer.testing.machine.qemu_process import ConsoleReader, QemuProcess
from charioteer.testing.machine.qmp import QMPSession
from charioteer.testing.machine.start_command import StartCommand, as_start_command
from charioteer.testing.machine.succession import take_over_state
from charioteer.testing.parameters import checked


class StartOptions(NamedTuple):
    """The arguments of the core's `start`."""

    allow_reboot: bool
    arguments: list[str]
    command: str
    full_command: str
    environment: list[str] | None


class LifeCycle(BaseMachine):
    """Part of every virtual machine.

    Scripts that end QEMU themselves assign `booted`, `connected`, `pid`, `process`, `shell` and
    `monitor` afterwards; the next start sets them again.
    """

    handle: core.Machine
    """The machine of the core."""
    monitor_path: Path
    """The socket of QEMU's monitor."""
    qmp_path: Path
    """The socket of QMP."""
    shell_path: Path
    """The socket of the root shell."""
    efi_vars_path: Path
    """The value of NIX_EFI_VARS for its start script."""
    vsock_guest: Path | None
    """The socket for the guest's vsock, with the SSH backdoor."""

    def _connect_core(self, handle: core.Machine, command: StartCommand) -> None:
        """Sets the core's machine, which `command` will start."""
        self.handle = handle
        self._command = command
        self._process: QemuProcess | None = None
        self.start_options: StartOptions | None = None
        """Of the last start."""
        self.forwarded_ports: list[tuple[int, int]] = []
        """Ports of the host and of the guest that this start of QEMU connects."""
        self._forgotten: dict[str, int] = {}
        """The attributes that a script has set to None, with the id of QEMU's process then."""
        self._qmp_client = QMPSession(handle)
        self._last_lines = ConsoleLines(handle)
        self._shell = RootShell(handle)
        self._monitor = Monitor(handle)

    # Attributes that a script may assign

    @property
    def start_command(self) -> StartCommand:
        """The start command. Changes take effect at the next start."""
        self._command = self._command.current()
        return self._command

    @start_command.setter
    def start_command(self, command: StartCommand) -> None:
        self._command = as_start_command(command)

    @property
    def booted(self) -> bool:
        """Whether QEMU was started and its end has not been waited for."""
        return self.handle.booted

    @booted.setter
    def booted(self, is_booted: bool) -> None:
        self.handle.booted = bool(is_booted)

    @property
    def connected(self) -> bool:
        """Whether the root shell has reported that it is ready."""
        return self.handle.connected

    @connected.setter
    def connected(self, is_connected: bool) -> None:
        self.handle.connected = bool(is_connected)

    # The process and its connections

    def _is_forgotten(self, attribute: str, process: core.Process) -> bool:
        return self._forgotten.get(attribute) == process.pid

    def _forget(self, attribute: str, value: object) -> None:
        """Notes that a script has set `attribute` to None. Raises ValueError for other values."""
        if value is not None:
            raise ValueError(
                f"machine.{attribute} belongs to the core; a script may only set it to None, "
                f"not to {value!r}"
            )
        if (process := self.handle.process) is not None:
            self._forgotten[attribute] = process.pid

    @property
    def process(self) -> QemuProcess | None:
        """The process of the last start: that of the start script, which becomes QEMU by exec."""
        running = self.handle.process
        if running is None or self._is_forgotten("process", running):
            return None
        if self._process is None or self._process.pid != running.pid:
            text = str(self._command)
            self._process = QemuProcess(running, self.handle, self._last_lines, text)
        return self._process

    @process.setter
    def process(self, process: None) -> None:
        self._forget("process", process)

    @property
    def pid(self) -> int | None:
        """The process id of QEMU while it runs."""
        running = self.handle.process
        if running is None or self._is_forgotten("pid", running):
            return None
        return self.handle.pid

    @pid.setter
    def pid(self, pid: None) -> None:
        self._forget("pid", pid)

    @property
    def serial_thread(self) -> ConsoleReader | None:
        """The reader of the serial console since the first start."""
        running = self.handle.process
        return None if running is None else ConsoleReader(running)

    def _is_open(self, connection: str) -> bool:
        running = self.handle.process
        return self.booted and running is not None and not self._is_forgotten(connection, running)

    @property
    def shell(self) -> RootShell | None:
        """The connection to the root shell, while QEMU runs."""
        return self._shell if self._is_open("shell") else None

    @shell.setter
    def shell(self, shell: None) -> None:
        self._forget("shell", shell)

    @property
    def monitor(self) -> Monitor | None:
        """The connection to the human monitor, while QEMU runs."""
        return self._monitor if self._is_open("monitor") else None

    @monitor.setter
    def monitor(self, monitor: None) -> None:
        self._forget("monitor", monitor)

    @property
    def qmp_client(self) -> QMPSession:
        """The QMP connection; the same object for all starts of QEMU."""
        return self._qmp_client

    @qmp_client.setter
    def qmp_client(self, client: None) -> None:
        self._qmp_client.close()
        self._forget("qmp_client", client)

    @property
    def last_lines(self) -> ConsoleLines:
        """The lines of the serial console that no call has read yet. Assigning drops them."""
        return self._last_lines

    @last_lines.setter
    def last_lines(self, _lines: object) -> None:
        while not self._last_lines.empty():
            self._last_lines.get_nowait()

    def is_up(self) -> bool:
        return self.booted and self.connected

    def _next_newline_closed_block_from_shell(self) -> str:
        """The next line of the root shell's output, for scripts that write to `shell`."""
        received = b""
        while not received.endswith(b"\n") and (piece := self._shell.recv(4096)):
            received += piece
        return received.decode(errors="replace")

    # Start and end

    @checked
    def start(self, allow_reboot: bool = False) -> None:
        """Starts QEMU; with `allow_reboot` the guest can reboot. Raises MachineError."""
        if not self.booted:
            take_over_state(self)
            self._shell.return_to_driver()
            self.forwarded_ports = []
            self.start_options = self._start_options(allow_reboot)
        self.handle.start(*(self.start_options or self._start_options(allow_reboot)))

    def load_state(self, file: Path) -> None:
        """Starts QEMU as the last start did, with the guest that was saved to `file`.

        The guest is stopped. Raises MachineError.
        """
        self._shell.return_to_driver()
        self.forwarded_ports = []
        self.handle.load_state(str(file), *(self.start_options or self._start_options(False)))

    def _start_options(self, allow_reboot: bool) -> StartOptions:
        arguments = []
        if self.vsock_guest is not None:
            arguments = [
                "-chardev",
                f"socket,id=vsock_ssh,path={self.vsock_guest}",
                "-device",
                "vhost-user-vsock-pci,chardev=vsock_ssh",
            ]
        command, full_command, environment = self.start_command, "", None
        if command.is_changed():
            sockets = (self.monitor_path, self.qmp_path, self.shell_path)
            full_command = str(command.cmd(*sockets, allow_reboot))
            environment = self._environment(command)
        elif self.variables:
            variables = {**os.environ, **self.variables}
            environment = [f"{name}={value}" for name, value in variables.items()]
        return StartOptions(allow_reboot, arguments, str(command), full_command, environment)

    def _environment(self, command: StartCommand) -> list[str]:
        """The environment for a start command that a script has changed."""
        made = command.build_environment(self.state_dir, self.shared_dir)
        variables = {**made, **self.variables}
        if variables.get("NIX_EFI_VARS") == os.environ.get("NIX_EFI_VARS"):
            variables["NIX_EFI_VARS"] = str(self.efi_vars_path)
        return [f"{name}={value}" for name, value in variables.items()]

    def connect(self) -> None:
        """Starts the machine if it is off, and waits for the root shell."""
        self._shell.return_to_driver()
        if self.connected:
            return
        with self.nested("waiting for the VM to finish booting"):
            self.start()
            self.handle.connect()

    def shutdown(self) -> None:
        """Powers the guest off and waits for the end of QEMU. Does nothing if QEMU has ended."""
        if not self.booted:
            return
        self.handle.poweroff()
        self.wait_for_shutdown()

    def crash(self) -> None:
        """Kills QEMU, like a power failure."""
        if not self.booted:
            return
        self.log("forced crash")
        with self.nested("waiting for the VM to power off"):
            self.handle.crash()
        self._shell.return_to_driver()

    def reboot(self) -> None:
        """Presses Ctrl-Alt-Delete. The machine must have been started with allow_reboot=True."""
        self.send_key("ctrl-alt-delete")
        self.connected = False

    @checked
    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        """Waits for the end of QEMU. Raises subprocess.TimeoutExpired."""
        if not self.booted:
            return
        with self.nested("waiting for the VM to power off"):
            self.handle.wait_for_shutdown(timeout)
        self._shell.return_to_driver()

    def release(self) -> None:
        """Ends QEMU and closes its connections."""
        if self.pid is None:
            return
        self._log_end()
        self._shell.return_to_driver()
        self.handle.release()

    def end(self) -> None:
        """Prepares for the end of the run, where the core ends all machines in parallel.

        Therefore `release` is called only if a subclass overrides it.
        """
        if type(self).release is not LifeCycle.release:
            self.release()
        elif self.pid is not None:
            self._log_end()

    def _log_end(self) -> None:
        self.logger.info(f"kill {type(self).__name__} (pid {self.pid})")
