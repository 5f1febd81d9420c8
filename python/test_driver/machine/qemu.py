"""Virtual machines."""

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from charioteer import _core as core
from test_driver.called_off import expect_wanted
from test_driver.duration import Duration, seconds
from test_driver.logger import AbstractLogger
from test_driver.machine.connections import Monitor, RootShell
from test_driver.machine.console import ConsoleLines
from test_driver.machine.files import Files
from test_driver.machine.firmware import Firmware
from test_driver.machine.process import Process
from test_driver.machine.qmp import QMPSession
from test_driver.machine.result import Order, Result
from test_driver.machine.retry import retry
from test_driver.machine.terminals import Terminals

_LAST_LINES = 10


class QemuMachine(Files, Firmware, Terminals):
    """A virtual machine of QEMU. The waiting, the sockets and the processes are the core's."""

    def __init__(
        self,
        out_dir: Path,
        tmp_dir: Path,
        start_command: str,
        logger: AbstractLogger,
        name: str | None = None,
        keep_machine_state: bool = False,
        callbacks: list[Callable[[], None]] | None = None,
        vsock_guest: Path | None = None,
        vsock_host: Path | None = None,
    ) -> None:
        """`start_command` is a piece of shell; NAME of its `run-NAME-vm` is the default name.

        Unless `keep_machine_state`, what an earlier run left of its disks is deleted. Raises
        MachineError when a living driver uses the state directory, OSError.
        """
        super().__init__(
            out_dir=out_dir,
            name=name or core.machine_name(start_command),
            logger=logger,
            callbacks=callbacks,
            tmp_dir=tmp_dir,
            keep_machine_state=keep_machine_state,
        )
        self.start_command = start_command
        self.vsock_guest = vsock_guest
        self.vsock_host = vsock_host
        self.monitor_path = self.state_dir / "monitor"
        self.qmp_path = self.state_dir / "qmp"
        self.shell_path = self.state_dir / "shell"
        self.efi_vars_path = self.state_dir / f"{self.name}-efi-vars.fd"
        self.handle = core.Machine(
            self.name,
            start_command,
            str(self.state_dir),
            str(self.shared_dir),
            logger.reporter,
            self._idle,
            keep_machine_state,
        )
        self.qmp_client = QMPSession(self.handle)
        self.last_lines = ConsoleLines(self.handle)
        self._shell = RootShell(self.handle)
        self._monitor = Monitor(self.handle)
        if self._state_is_reset:
            self._tell_reset()

    def _idle(self, polling: bool) -> None:
        expect_wanted()
        self.logger.collect()
        if polling:
            self.run_callbacks()

    # Life cycle

    @property
    def booted(self) -> bool:
        """Whether QEMU was started and its end has not been waited for."""
        return self.handle.booted

    @booted.setter
    def booted(self, is_booted: bool) -> None:
        self.handle.booted = is_booted

    @property
    def connected(self) -> bool:
        """Whether the root shell has said that it is ready."""
        return self.handle.connected

    @connected.setter
    def connected(self, is_connected: bool) -> None:
        self.handle.connected = is_connected

    @property
    def process(self) -> core.Process | None:
        """The process of the start script, which has become QEMU."""
        return self.handle.process

    @property
    def pid(self) -> int | None:
        return self.handle.pid

    @property
    def shell(self) -> RootShell | None:
        """The connection to the root shell, while QEMU runs."""
        return self._shell if self.booted else None

    @property
    def monitor(self) -> Monitor | None:
        """The connection to the human monitor, while QEMU runs."""
        return self._monitor if self.booted else None

    def is_up(self) -> bool:
        return self.booted and self.connected

    def start(self, allow_reboot: bool = False) -> None:
        """Starts QEMU; with `allow_reboot` it survives reboots of the guest. Raises MachineError."""
        arguments = []
        if self.vsock_guest is not None:
            arguments = [
                "-chardev",
                f"socket,id=vsock_ssh,path={self.vsock_guest}",
                "-device",
                "vhost-user-vsock-pci,chardev=vsock_ssh",
            ]
        self.handle.start(allow_reboot=allow_reboot, arguments=arguments)

    def connect(self) -> None:
        """Waits for the root shell, having started the machine if need be."""
        self._shell.give_back()
        if self.connected:
            return
        with self.nested("waiting for the VM to finish booting"):
            self.start()
            self.handle.connect()

    def shutdown(self) -> None:
        if not self.booted:
            return
        self.handle.poweroff()
        self.wait_for_shutdown()

    def crash(self) -> None:
        """Ends QEMU as if the power had failed."""
        if not self.booted:
            return
        self.log("forced crash")
        with self.nested("waiting for the VM to power off"):
            self.handle.crash()
        self._shell.give_back()

    def reboot(self) -> None:
        """Presses Ctrl-Alt-Delete. Of use after `start(allow_reboot=True)`."""
        self.send_key("ctrl-alt-delete")
        self.connected = False

    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        if not self.booted:
            return
        with self.nested("waiting for the VM to power off"):
            self.handle.wait_for_shutdown(timeout)
        self._shell.give_back()

    def release(self) -> None:
        """Ends QEMU and closes what belongs to it."""
        if self.pid is None:
            return
        self._tell_end()
        self._shell.give_back()
        self.handle.release()

    def end(self) -> None:
        """Prepares for the end of the run, in which the core ends all machines side by side.

        The `release` of a subclass is called; ours need not be.
        """
        if type(self).release is not QemuMachine.release:
            self.release()
        elif self.pid is not None:
            self._tell_end()

    def _tell_end(self) -> None:
        self.logger.info(f"kill {type(self).__name__} (pid {self.pid})")

    # Commands

    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Duration | None
    ) -> tuple[int, str]:
        self.connect()
        if not (self.streams and check_output):
            return self.handle.execute(command, check_return, check_output, timeout)
        status, _, output, *_ = self.handle.run(command, None, timeout, False, True)
        return status if check_return else -1, output.decode(errors="replace")

    def _carry_out(self, order: Order) -> Result:
        if self._runs_commands_itself():
            return super()._carry_out(order)
        begin = time.monotonic()
        self.run_callbacks()
        self.connect()
        status, number, output, errors, duration, timed_out = self.handle.run(
            order.command, order.stdin, order.timeout, order.all_errors, order.stream
        )
        return Result(
            machine=self,
            command=order.command,
            status=status,
            signal=number or None,
            stdout_bytes=output,
            stderr_bytes=errors,
            duration=duration,
            timed_out=timed_out,
            timeout=order.timeout,
            waited=time.monotonic() - begin,
        )

    def _spawn(self, order: Order, stdin: bool) -> Process:
        self.connect()
        call = self.handle.begin(order.command, stdin, order.timeout)
        return Process(self, order, call, self.handle, stdin)

    def _runs_commands_itself(self) -> bool:
        """Whether a subclass has its own way to run commands, which waits then have to take."""
        return self._is_overridden(QemuMachine)

    def _wait_for_command(
        self, command: str, success: bool, timeout: Duration, hint: Sequence[str] = ()
    ) -> str:
        if self._runs_commands_itself():
            return super()._wait_for_command(command, success, timeout, hint)
        self.run_callbacks()
        self.connect()
        return self.handle.wait_for_command(command, success, timeout, hint)

    def _wait_for_unit(self, unit: str, user: str | None, timeout: Duration) -> None:
        if self._runs_commands_itself():
            super()._wait_for_unit(unit, user, timeout)
            return
        self.run_callbacks()
        self.connect()
        self.handle.wait_for_unit(unit, user, timeout)

    def last_words(self) -> list[str]:
        return self.handle.console_tail(_LAST_LINES)

    # Keyboard, screen, monitor

    def send_key(self, key: str, delay: float | None = 0.01, log: bool | None = True) -> None:
        """Presses a key: a character, or a name or chord of QEMU. Then waits `delay` seconds."""
        key = core.key_name(key)
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

    def _read_screen(self, variants: int) -> core.ScreenReading:
        self.run_callbacks()
        return self.handle.read_screen(variants)

    def wait_for_x(self, timeout: Duration = 900) -> None:
        """Waits for the X11 server."""
        reached = (
            'journalctl -b SYSLOG_IDENTIFIER=systemd | grep "Reached target Current graphical"'
        )

        def is_there(_last_try: bool) -> bool:
            if self.execute(reached)[0] != 0:
                return False
            return self.execute("[ -e /tmp/.X11-unix/X0 ]")[0] == 0

        with self.nested("waiting for the X11 server"):
            retry(is_there, timeout=timeout)

    def send_monitor_command(self, command: str) -> str:
        """Runs a command of QEMU's human monitor; returns its echo, its output and the prompt."""
        self.run_callbacks()
        return self.handle.monitor_command(command)

    def wait_for_monitor_prompt(self) -> str:
        """What the human monitor answered to lines sent by `monitor.send`, and its prompt."""
        return self._monitor.until_prompt()

    def wait_for_qmp_event(
        self, event_filter: Callable[[dict[str, Any]], bool], timeout: Duration = 600
    ) -> dict[str, Any]:
        """The next QMP event for which `event_filter` is true. Those before it are lost.

        Raises TimeoutError; RuntimeError before the start.
        """
        end = time.monotonic() + seconds(timeout)
        while True:
            event = self.qmp_client.wait_for_event(max(end - time.monotonic(), 0.0))
            if event_filter(event):
                return event

    # Network

    def forward_port(self, host_port: int = 8080, guest_port: int = 80) -> None:
        """Makes a TCP port of the guest reachable at one of the host."""
        self.run_callbacks()
        self.handle.forward_port(host_port, guest_port)

    def block(self) -> None:
        """Takes the first VLAN's cable out."""
        self.run_callbacks()
        self.handle.set_link("virtio-net-pci.1", False)

    def unblock(self) -> None:
        """Puts the first VLAN's cable in again."""
        self.run_callbacks()
        self.handle.set_link("virtio-net-pci.1", True)

    # By hand

    def shell_interact(self, address: str | None = None) -> None:
        """A login shell on the terminal, until `exit` or Ctrl-]; or the root shell at an address of
        socat.

        Where the guest has no terminals to give, or the driver sits at none, lines go to the root
        shell instead.
        """
        from test_driver.machine import interact

        self.connect()
        if address is not None:
            interact.shell_by_socat(self.handle, address)
        elif not interact.login_shell(self.handle, self.logger, lambda: self._idle(False)):
            self.log("Terminal is ready (there is no initial prompt):")
            interact.shell_on_terminal(self.handle)

    def console_interact(self) -> None:
        """Sends what is typed to the serial console, until Ctrl-C or the end of input."""
        from test_driver.machine import interact

        self.log("Terminal is ready (there is no prompt):")
        if interact.console_on_terminal(self.handle):
            self.log("Closing connection to the console")

    def ssh_backdoor_command(self) -> str:
        """How to log in from the host, for a machine with a vsock."""
        return f"ssh -o User=root vsock-mux/{shlex.quote(str(self.vsock_host))}"
