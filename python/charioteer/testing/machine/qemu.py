"""Virtual machines."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charioteer import _core as core
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine.backend import Wait
from charioteer.testing.machine.core_backend import CoreBackend
from charioteer.testing.machine.files import Files
from charioteer.testing.machine.firmware import Firmware
from charioteer.testing.machine.keys import CHAR_TO_KEY
from charioteer.testing.machine.start_command import StartCommand, as_start_command
from charioteer.testing.machine.succession import take_over_state
from charioteer.testing.machine.terminals import Terminals
from charioteer.testing.parameters import checked

_LAST_LINES = 10


class QemuMachine(Files, Firmware, Terminals):
    """A virtual machine of QEMU. The core owns its sockets and processes, and waits for them."""

    def __init__(
        self,
        out_dir: Path,
        tmp_dir: Path,
        start_command: str | StartCommand,
        logger: AbstractLogger,
        name: str | None = None,
        keep_machine_state: bool = False,
        callbacks: list[Callable[[], None]] | None = None,
        vsock_guest: Path | None = None,
        vsock_host: Path | None = None,
        *,
        make_handle: Callable[..., core.Machine] | None = None,
    ) -> None:
        """`start_command` is a shell command; NAME of its `run-NAME-vm` is the default name.

        Unless `keep_machine_state`, the state of an earlier run is deleted. Raises MachineError when
        another running driver uses the state directory, OSError. `make_handle` takes the arguments of
        core.Machine, by default it is that class.
        """
        command = as_start_command(start_command)
        super().__init__(
            out_dir=Path(out_dir),
            name=name or command.machine_name,
            logger=logger,
            callbacks=callbacks,
            tmp_dir=Path(tmp_dir),
            keep_machine_state=keep_machine_state,
        )
        self.vsock_guest = vsock_guest
        self.vsock_host = vsock_host
        self.monitor_path = self.state_dir / "monitor"
        self.qmp_path = self.state_dir / "qmp"
        self.shell_path = self.state_dir / "shell"
        self.efi_vars_path = self.state_dir / f"{self.name}-efi-vars.fd"
        take_over_state(self)
        self._connect_core(
            (make_handle or core.Machine)(
                self.name,
                str(command),
                str(self.state_dir),
                str(self.shared_dir),
                logger.reporter,
                self._idle,
                keep_machine_state,
            ),
            command,
        )
        if self._state_is_reset:
            self._log_reset()

    # Commands

    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Duration | None
    ) -> tuple[int, str]:
        self.connect()
        return self.handle.execute(command, check_return, check_output, timeout, self.streams)

    _builtin_execute = _execute

    def _own_backend(self) -> CoreBackend:
        return CoreBackend(self)

    def console_tail(self) -> list[str]:
        return self.handle.console_tail(_LAST_LINES)

    # Keyboard, screen, monitor

    @checked
    def send_key(self, key: str, delay: float | None = 0.01, log: bool | None = True) -> None:
        """Presses a key: a character, or a name or chord of QEMU. Then waits `delay` seconds."""
        key = CHAR_TO_KEY.get(key, key)
        if log:
            with self.nested(f"sending key {key!r}"):
                self._press(key, delay)
        else:
            self._press(key, delay)

    def _press(self, key: str, delay: float | None) -> None:
        self.run_callbacks()
        self.handle.send_key(key)
        if delay is not None:
            time.sleep(delay)

    def _write_screenshot(self, path: str) -> None:
        self.run_callbacks()
        self.handle.screenshot(path)

    def _read_screen(self, variants: int, left: float | None = None) -> core.ScreenReading:
        self.run_callbacks()
        return self.handle.read_screen(variants, left)

    @checked
    def wait_for_x(self, timeout: Duration = 900) -> None:
        """Waits for the X11 server."""
        reached = (
            'journalctl -b SYSLOG_IDENTIFIER=systemd | grep "Reached target Current graphical"'
        )
        with self.nested("waiting for the X11 server"):
            probe = f"{reached} && [ -e /tmp/.X11-unix/X0 ]"
            self._command_backend.wait_for_probe(Wait(probe, True, timeout))

    @checked
    def send_monitor_command(self, command: str) -> str:
        """Runs a command of QEMU's human monitor; returns its echo, its output and the prompt."""
        self.run_callbacks()
        return self.handle.monitor_command(command)

    def wait_for_monitor_prompt(self) -> str:
        """The replies of the human monitor to lines sent by `monitor.send`, with its prompt."""
        return self._monitor.until_prompt()

    @checked
    def wait_for_qmp_event(
        self, event_filter: Callable[[dict[str, Any]], bool], timeout: Duration = 600
    ) -> dict[str, Any]:
        """Waits for a QMP event for which `event_filter` is true; discards the events before it.

        Raises TimeoutError; RuntimeError before the first start.
        """
        end = time.monotonic() + seconds(timeout)
        while True:
            event = self.qmp_client.wait_for_event(max(end - time.monotonic(), 0.0))
            if event_filter(event):
                return event

    # Network

    @checked
    def forward_port(self, host_port: int = 8080, guest_port: int = 80) -> None:
        """Forwards a TCP port of the host to one of the guest."""
        self.run_callbacks()
        self.handle.forward_port(host_port, guest_port)
        self.forwarded_ports.append((host_port, guest_port))

    def block(self) -> None:
        """Sets the link of the first VLAN's network interface down."""
        self.run_callbacks()
        self.handle.set_link("virtio-net-pci.1", False)

    def unblock(self) -> None:
        """Sets the link of the first VLAN's network interface up again."""
        self.run_callbacks()
        self.handle.set_link("virtio-net-pci.1", True)

    # Interactive use

    @checked
    def shell_interact(self, address: str | None = None) -> None:
        """Runs a login shell on the terminal until `exit` or Ctrl-].

        With `address` the root shell is connected to that address of socat instead. If the guest
        cannot provide a terminal, or the driver has none, lines are sent to the root shell.
        """
        from charioteer.testing.machine import interact

        self.connect()
        with self.logger.lend_terminal():
            if address is not None:
                interact.shell_by_socat(self.handle, address)
            elif not interact.login_shell(self.handle, self.logger, lambda: self._idle(False)):
                interact.shell_on_terminal(
                    self.handle, lambda: self.log("Terminal is ready (there is no initial prompt):")
                )

    def console_interact(self) -> None:
        """Sends typed text to the serial console, until Ctrl-C or the end of input."""
        from charioteer.testing.machine import interact

        with self.logger.lend_terminal():
            if interact.console_on_terminal(
                self.handle, lambda: self.log("Terminal is ready (there is no prompt):")
            ):
                self.log("Closing connection to the console")

    def ssh_backdoor_command(self) -> str:
        """The command to log in from the host, for a machine with a vsock."""
        return f"ssh -o User=root vsock-mux/{shlex.quote(str(self.vsock_host))}"
