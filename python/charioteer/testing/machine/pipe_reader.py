"""What a program of the host writes, read until the last holder of the pipe has closed it."""

import fcntl
import os
import select
import struct
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

_PIECE = 64 * 1024
_LONGEST_LINE = 64 * 1024
_PATIENCE = 10  # seconds


class PipeReader:
    """Reads a pipe to its end on a thread of its own, which owns the pipe.

    The thread may go on for as long as the program's children do; what comes after `take_all` is
    not kept.
    """

    def __init__(self, pipe: IO[bytes], on_line: Callable[[bytes], None] | None = None) -> None:
        """`on_line` is called on the thread with each line without its end."""
        self._pipe = pipe
        self._on_line = on_line
        self._identity = os.fstat(pipe.fileno())
        # To close the one end asks at the other.
        self._questions, ask = os.pipe()
        self._ask: int | None = ask
        self._caught_up = threading.Event()
        self._ended = threading.Event()
        self._kept: bytearray | None = bytearray()
        self._line = b""
        self._heard = time.monotonic()  # when something came last
        # A daemon, so that a run that ends does not wait for it.
        threading.Thread(target=self._read, daemon=True).start()

    # On its own thread

    def _read(self) -> None:
        try:
            self._read_to_end()
        finally:
            # Also when `on_line` has raised: other threads wait for these.
            os.close(self._questions)
            self._ended.set()
            self._caught_up.set()

    def _read_to_end(self) -> None:
        pipe, questions = self._pipe.fileno(), self._questions
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        poll.register(questions, select.POLLIN)
        with self._pipe:
            while True:
                if questions not in (descriptor for descriptor, _events in poll.poll()):
                    if not self._take_piece(_PIECE):
                        break
                    continue
                poll.unregister(questions)
                left = self._waiting()
                while left > 0:
                    left -= self._take_piece(left)
                self._caught_up.set()

    def _waiting(self) -> int:
        """Bytes in the pipe."""
        room = fcntl.ioctl(self._pipe.fileno(), termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", room)[0])

    def _take_piece(self, most: int) -> int:
        piece = os.read(self._pipe.fileno(), min(most, _PIECE))
        self._heard = time.monotonic()
        kept = self._kept
        if kept is not None:
            kept += piece
        if self._on_line is not None:
            self._hand_out_lines(self._on_line, piece)
        return len(piece)

    def _hand_out_lines(self, on_line: Callable[[bytes], None], piece: bytes) -> None:
        *lines, self._line = (self._line + piece).split(b"\n")
        if self._line and (not piece or len(self._line) > _LONGEST_LINE):
            lines.append(self._line)
            self._line = b""
        for line in lines:
            on_line(line)

    # On any other

    def take_all(self) -> bytes:
        """All that came until now and what is in the pipe; nothing is kept from then on. Once."""
        assert self._ask is not None and self._kept is not None, "it was taken"
        os.close(self._ask)
        self._ask = None
        self._caught_up.wait()
        taken, self._kept = bytes(self._kept), None
        return taken

    def wait_for_holders(
        self, end: float | None, limit: float, warn: Callable[[bool], None]
    ) -> bool:
        """Waits until the last holder has closed it, once the program has ended.

        False when the moment `end`, of time.monotonic(), has passed before. Holders that write
        nothing for `limit` seconds are given up. `warn` is called with false after 10 s, and with
        true when they are given up.
        """
        begin = time.monotonic()
        warn_at: float | None = begin + _PATIENCE
        while True:
            moments = [max(begin, self._heard) + limit]
            moments += [each for each in (end, warn_at) if each is not None]
            if self._ended.wait(max(0.0, min(moments) - time.monotonic())):
                return True
            now = time.monotonic()
            if end is not None and now >= end:
                return False
            if now >= max(begin, self._heard) + limit:
                warn(True)
                return True
            if warn_at is not None and now >= warn_at:
                warn_at = None
                warn(False)

    def holders(self) -> str:
        """Other processes that have the pipe open, "name (pid n)", separated by ", "."""
        others = (each for each in Path("/proc").glob("[0-9]*") if each.name != str(os.getpid()))
        return ", ".join(_describe(each) for each in others if _has_open(each, self._identity))


def _has_open(process: Path, identity: os.stat_result) -> bool:
    try:
        return any(_is_same(each, identity) for each in (process / "fd").iterdir())
    except OSError:
        return False  # it has ended


def _is_same(file: Path, identity: os.stat_result) -> bool:
    try:
        return os.path.samestat(file.stat(), identity)
    except OSError:
        return False  # it was closed


def _describe(process: Path) -> str:
    try:
        name = (process / "comm").read_text(errors="replace").rstrip("\n")
    except OSError:
        name = "a process"
    return f"{name} (pid {process.name})"
