"""The process of a virtual machine, with the interface of subprocess.Popen that scripts use."""

import io
import queue
import subprocess
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from charioteer import _core as core
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.machine.console import ConsoleLines

_POLL_INTERVAL = 0.5  # seconds


class ConsoleInput(io.RawIOBase):
    """`machine.process.stdin`: writes to the serial console."""

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        """Writes the bytes. Raises MachineError when QEMU has ended."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"process.stdin.write() takes bytes, not {data!r}")
        self._machine.send_console(bytes(data))
        return len(data)

    def fileno(self) -> int:
        raise io.UnsupportedOperation(
            "the core owns the descriptor of QEMU's input; use write() or machine.send_console()"
        )


class ConsoleOutput:
    """`machine.process.stdout`: the unread lines of the serial console.

    Each line is read once, here or by `machine.wait_for_console_text` and `machine.last_lines`.
    """

    def __init__(self, lines: ConsoleLines, process: core.Process) -> None:
        self._lines = lines
        self._process = process

    def readline(self) -> bytes:
        """The next line with its newline; empty after the last line, once QEMU has ended."""
        while True:
            has_ended = self._process.poll() is not None
            try:
                line = self._lines.get(timeout=0.0 if has_ended else _POLL_INTERVAL)
                return line.encode() + b"\n"
            except queue.Empty:
                if has_ended:
                    return b""

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def readlines(self) -> list[bytes]:
        """All lines up to the end of QEMU."""
        return list(self)

    def read(self) -> bytes:
        """All output up to the end of QEMU."""
        return b"".join(self)

    def close(self) -> None:
        """Does nothing: the core continues to read, so that QEMU never blocks."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation(
            "the core owns the descriptor of QEMU's output; use readline(), or "
            "machine.get_console_log()"
        )


class QemuProcess:
    """The process of the start script, which executes QEMU; similar to subprocess.Popen.

    Signals go to its whole process group. Standard error is part of standard output.
    """

    stderr = None

    def __init__(
        self, process: core.Process, machine: core.Machine, lines: ConsoleLines, args: str
    ) -> None:
        self._process = process
        self.args = args
        self.stdin = ConsoleInput(machine)
        self.stdout = ConsoleOutput(lines, process)

    def __repr__(self) -> str:
        return f"<QemuProcess pid: {self.pid} returncode: {self.returncode} args: {self.args!r}>"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status; minus the signal number when a signal ended it; None while it runs."""
        return self._process.returncode

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, timeout: Duration | None = None) -> int:
        """Waits for its end. `timeout` in seconds. Raises subprocess.TimeoutExpired."""
        limit = None if timeout is None else seconds(timeout)
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            raise subprocess.TimeoutExpired(self.args, limit or 0.0) from None

    def send_signal(self, sig: int) -> None:
        if not isinstance(sig, int):
            raise TypeError(f"process.send_signal() takes the number of a signal, not {sig!r}")
        self._process.send_signal(int(sig))

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def last_output(self) -> str:
        """The last 8 KiB of its output."""
        return self._process.last_output()

    def communicate(
        self, input: bytes | None = None, timeout: Duration | None = None
    ) -> tuple[bytes, None]:
        """Writes `input` to the console and waits for the end; returns the console's output.

        Raises subprocess.TimeoutExpired.
        """
        if input:
            self.stdin.write(input)
        self.wait(timeout)
        return self.stdout.read(), None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.wait()


class ConsoleReader:
    """`machine.serial_thread`: the interface of a thread, for the core's reader of the console."""

    name = "serial"
    daemon = True

    def __init__(self, process: core.Process) -> None:
        self._process = process

    def is_alive(self) -> bool:
        """Whether QEMU runs, so that there can be more output."""
        return self._process.poll() is None

    def join(self, timeout: Duration | None = None) -> None:
        """Waits for the end of the console, for `timeout` seconds at most."""
        end = None if timeout is None else time.monotonic() + seconds(timeout)
        while self.is_alive():
            left = _POLL_INTERVAL if end is None else min(_POLL_INTERVAL, end - time.monotonic())
            if left <= 0:
                return
            try:
                self._process.wait(left)
            except subprocess.TimeoutExpired:
                pass
