"""The connections to a machine, for scripts that use them directly."""

import os
import socket
from typing import Any, NoReturn

from charioteer import _core as core


class RootShell:
    """`machine.shell`: the socket of the guest's root shell.

    It has the methods of a socket. From its first use to the next command of the driver, the driver
    does not use the shell; data that were not received by then are discarded.
    """

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine
        self._socket: socket.socket | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._attached(), name)

    def _attached(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(fileno=self._machine.attach_shell())
            self._socket.setblocking(True)
        return self._socket

    def return_to_driver(self) -> None:
        """Returns the shell to the driver. Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._machine.detach_shell()


class Monitor:
    """`machine.monitor`: QEMU's human monitor with the interface of a socket.

    The core owns the connection. Each line that is sent is run as a command, whose reply can then be
    received.
    """

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine
        self._typed = b""
        self._replies = b""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"machine.monitor has no {name}, since the core owns the connection; use its send(), "
            "sendall() and recv(), or machine.send_monitor_command()"
        )

    def close(self) -> None:
        """Drops replies that were not received; the core closes the connection."""
        self._replies = b""

    def settimeout(self, timeout: float | None) -> None:
        """Does nothing: `recv` never waits."""

    def send(self, data: bytes) -> int:
        """Runs all complete lines as commands. Raises MachineError."""
        *lines, self._typed = (self._typed + data).split(b"\n")
        for line in lines:
            self._replies += self._machine.monitor_command(os.fsdecode(line)).encode()
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.send(data)

    def recv(self, size: int) -> bytes:
        """At most `size` bytes of the replies; empty if there are none."""
        piece, self._replies = self._replies[:size], self._replies[size:]
        return piece

    def until_prompt(self) -> str:
        """All replies up to the last prompt."""
        return self.recv(len(self._replies)).decode()
