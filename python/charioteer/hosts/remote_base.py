"""What both programs on another host use: their input, and the processes and locks of a run."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import signal
import sys
import time
from typing import Any, Iterator, List

HELLO = b"\0charioteer\n"
"""The first output. What comes before it is of the login shell."""
MARK = "CHARIOTEER_FAR_FOLDER"
"""In the environment of all processes of a machine: its folder."""
RUNNING = "running"
"""The file in the folder of a machine that is locked while it runs."""
KEPT = "kept"
"""The file in the folder of the run that is locked while its keeper runs."""
END_LIMIT = 10.0
"""Seconds for processes to end after SIGKILL."""


class Ended(Exception):
    """The other side has ended, or is silent."""


class Input:
    """Standard input, without waiting longer than the limit of silence."""

    def __init__(self) -> None:
        self.silence = 60.0
        self._bytes = b""

    def fill(self) -> None:
        ready, _, _ = select.select([0], [], [], self.silence)
        got = os.read(0, 1 << 18) if ready else b""
        if not got:
            raise Ended
        self._bytes += got

    def take(self, size: int) -> bytes:
        while len(self._bytes) < size:
            self.fill()
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def pieces(self, size: int) -> Iterator[bytes]:
        """`size` bytes in pieces."""
        while size:
            if not self._bytes:
                self.fill()
            piece = self.take(min(size, len(self._bytes)))
            size -= len(piece)
            yield piece

    def line(self) -> Any:
        while b"\n" not in self._bytes:
            self.fill()
        return json.loads(self.take(self._bytes.index(b"\n") + 1))

    def frames(self) -> Iterator[bytes]:
        """The complete frames that are there: four bytes of length, and so many bytes."""
        while len(self._bytes) >= 4:
            size = int.from_bytes(self._bytes[:4], "big")
            if len(self._bytes) < 4 + size:
                return
            yield self.take(4 + size)[4:]


def answer(**fields: object) -> None:
    sys.stdout.buffer.write(json.dumps(fields).encode() + b"\n")
    sys.stdout.buffer.flush()


def name_of(error: OSError) -> str:
    """ "ENOSPC", or the text of an error that has no number."""
    return errno.errorcode.get(error.errno or 0, str(error))


def marked(folder: str) -> List[int]:
    """The processes whose environment has the mark of `folder`, or of one below it."""
    start = f"{MARK}={folder}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                variables = file.read().split(b"\0")
        except OSError:
            continue  # it has ended, or belongs to another user
        if any(each == start or each.startswith(start + b"/") for each in variables):
            found.append(int(name))
    return found


def kill_all(folder: str) -> List[int]:
    """Ends all processes of `folder`; returns those that are left."""
    end = time.monotonic() + END_LIMIT
    empty = 0
    while True:
        left = marked(folder)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended
        # While a process executes another program, its environment reads as empty.
        empty = 0 if left else empty + 1
        if empty == 3 or time.monotonic() > end:
            return left
        time.sleep(0.02)


def machines_in(folder: str) -> List[str]:
    """The folders of the machines of a run."""
    try:
        return [entry.path for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []  # it was removed meanwhile


def is_free(path: str) -> bool:
    """Whether no process has locked this file."""
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # there is none
    return True
