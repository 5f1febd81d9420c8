"""The baseline: what a driver does that speaks the plain protocol of the NixOS test driver."""

import base64
import shlex
import socket
import time


class TwoTripShell:
    """A guest's root shell, used in two round trips for each command: output, then status."""

    def __init__(self, descriptor: int) -> None:
        """Takes over `descriptor`, the shell's socket."""
        self._socket = socket.socket(fileno=descriptor)
        # Not blocking: the driver shares the socket's state and must not be made to block.
        self._socket.settimeout(60)
        self.transferred = 0
        """Bytes that went over the line in either direction."""

    def close(self) -> None:
        self._socket.close()

    def execute(self, command: str, timeout: int = 900) -> tuple[int, str]:
        """Runs `command` with the guest's limit of `timeout` seconds."""
        quoted = shlex.quote(f"set -euo pipefail; {command}")
        self._send(f"timeout {timeout} bash -c {quoted} | (base64 -w 0; echo)\n")
        output = base64.b64decode(self._line())
        self._send("echo ${PIPESTATUS[0]}\n")
        return int(self._line()), output.decode(errors="replace")

    def wait_until(self, command: str, interval: float = 1.0) -> None:
        """Tries `command` once in `interval` seconds until it succeeds."""
        while self.execute(command)[0] != 0:
            time.sleep(interval)

    def _send(self, text: str) -> None:
        self._socket.sendall(text.encode())
        self.transferred += len(text.encode())

    def _line(self) -> bytes:
        received = b""
        while not received.endswith(b"\n"):
            chunk = self._socket.recv(4096)
            if not chunk:
                raise ConnectionError("the guest's shell is gone")
            received += chunk
            self.transferred += len(chunk)
        return received
