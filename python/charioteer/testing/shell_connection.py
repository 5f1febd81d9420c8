"""The client of a shell server: a guest's login shell on our terminal, or on pipes.

The server is `driver/terminal`; its message.hpp describes the messages.
"""

import os
import select
import socket
import struct
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from charioteer.errors import ShellUnavailable

LEAVE = b"\x1d"
"""What Ctrl-] sends."""

_OPEN, _INPUT, _INPUT_END, _RESIZE = 1, 2, 3, 4
_STARTED, _OUTPUT, _ERRORS, _ENDED = 16, 17, 18, 19
_HEADER = struct.Struct("<BI")
_SIZE = struct.Struct("<HH")
_STATUS = struct.Struct("<I")
_PIECE = 16384
# The buffer for typed input that the guest does not read; when it is full, reading pauses.
_MOST_UNSENT = 1 << 20
# The interval for polling the terminal's size. A SIGWINCH handler could only be installed on the
# main thread, and this may run on another.
_LOOK_EVERY = 0.1
_START_LIMIT = 60.0
_GONE = "the machine, or its driver, has ended"


class ShellConnection:
    """One shell, from open() to the end of relay(). It has a terminal when `input_fd` is one."""

    def __init__(
        self,
        connection: socket.socket,
        input_fd: int = 0,
        output_fd: int = 1,
        errors_fd: int = 2,
        kind: str | None = None,
    ) -> None:
        """Takes over `connection`, to a machine's shell server; `kind` is the value of TERM."""
        self._connection = connection
        self._connection.setblocking(False)
        self._input = input_fd
        self._outputs = {_OUTPUT: output_fd, _ERRORS: errors_fd}
        self._kind = os.environ.get("TERM", "") if kind is None else kind
        self._on_terminal = os.isatty(input_fd)
        self._size = (0, 0)
        self._unsent = bytearray()
        self._received = bytearray()

    def open(self) -> None:
        """Waits until the shell runs. Raises ShellUnavailable with the reason if it does not start."""
        if self._on_terminal:
            self._size = _terminal_size(self._input)
        self._send(_OPEN, _SIZE.pack(*self._size) + self._kind.encode())
        end = time.monotonic() + _START_LIMIT
        while (message := self._next()) is None:
            if time.monotonic() > end:
                raise ShellUnavailable(f"there was no answer within {_START_LIMIT:g} s")
            self._exchange([], self._connection)
        if message[0] == _ENDED:
            raise ShellUnavailable(_ending(message[1])[1])

    def relay(self, idle: Callable[[], None] = lambda: None) -> int:
        """Relays input and output until the shell ends; returns its status, or 0 after Ctrl-].

        `idle` is called several times a second. Raises ShellUnavailable if the connection is lost.
        """
        with _raw(self._input, self._on_terminal):
            reading = True
            while True:
                while (message := self._next()) is not None:
                    if message[0] == _ENDED:
                        status, why = _ending(message[1])
                        if why:
                            raise ShellUnavailable(why)
                        return status
                    self._show(*message)
                idle()
                self._look_at_size()
                wanted = [self._input] if reading and len(self._unsent) < _MOST_UNSENT else []
                if self._input in self._exchange(wanted, self._connection):
                    typed = self._read_input()
                    if self._on_terminal and (not typed or LEAVE in typed):
                        self._show(_OUTPUT, b"\r\n")
                        return 0
                    reading = bool(typed)
                    self._send(_INPUT if typed else _INPUT_END, typed)

    def close(self) -> None:
        """Hangs the shell up if it still runs."""
        self._connection.close()

    def _send(self, kind: int, payload: bytes) -> None:
        self._unsent += _HEADER.pack(kind, len(payload)) + payload

    def _next(self) -> tuple[int, bytes] | None:
        """The next complete message."""
        if len(self._received) < _HEADER.size:
            return None
        kind, size = _HEADER.unpack_from(self._received)
        if len(self._received) < _HEADER.size + size:
            return None
        payload = bytes(self._received[_HEADER.size : _HEADER.size + size])
        del self._received[: _HEADER.size + size]
        return kind, payload

    def _exchange(self, wanted: list[int], connection: socket.socket) -> list[int]:
        """Waits briefly for either side, sends and receives; returns those of `wanted` that are
        readable.
        """
        # Not select(), which does not support descriptors of 1024 and above.
        poll = select.poll()
        for fd in wanted:
            poll.register(fd, select.POLLIN)
        poll.register(connection, select.POLLIN | (select.POLLOUT if self._unsent else 0))
        ready = dict(poll.poll(_LOOK_EVERY * 1000))
        events = ready.pop(connection.fileno(), 0)
        if events & select.POLLOUT:
            try:
                del self._unsent[: connection.send(self._unsent)]
            except ConnectionError:
                # The shell has ended; its last messages are still to be received.
                self._unsent.clear()
        try:
            if events & ~select.POLLOUT:
                piece = connection.recv(65536)
                if not piece:
                    raise ShellUnavailable(_GONE)
                self._received += piece
        except ConnectionError as error:
            raise ShellUnavailable(_GONE) from error
        return list(ready)

    def _read_input(self) -> bytes:
        try:
            return os.read(self._input, _PIECE)
        except OSError:
            if self._on_terminal:
                return b""  # it was hung up
            raise

    def _show(self, kind: int, payload: bytes) -> None:
        rest = memoryview(payload)
        while rest and kind in self._outputs:
            fd = self._outputs[kind]
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:  # the descriptor was made so by our parent
                poll = select.poll()
                poll.register(fd, select.POLLOUT)
                poll.poll()

    def _look_at_size(self) -> None:
        if self._on_terminal and (size := _terminal_size(self._input)) != self._size:
            self._size = size
            self._send(_RESIZE, _SIZE.pack(*size))


def _ending(payload: bytes) -> tuple[int, str]:
    """Status and reason."""
    (status,) = _STATUS.unpack_from(payload)
    return status, payload[_STATUS.size :].decode(errors="replace")


def _terminal_size(fd: int) -> tuple[int, int]:
    """Rows and columns; 24 by 80 if the terminal does not report them, as on a serial line."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        columns, rows = 0, 0
    return rows or 24, columns or 80


@contextmanager
def _raw(fd: int, wanted: bool) -> Iterator[None]:
    """Sets the terminal to raw mode within the block, so that Ctrl-C is passed on, too."""
    if not wanted:
        yield
        return
    before = termios.tcgetattr(fd)
    try:
        # Without discarding input that was typed ahead.
        tty.setraw(fd, termios.TCSADRAIN)
        yield
    finally:
        try:
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
        except termios.error:
            pass  # it was hung up
