"""One machine on another host, from its start script to its end."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from typing import Any, Dict

from charioteer.hosts.remote_base import (
    KEPT,
    MARK,
    RUNNING,
    Ended,
    Input,
    is_free,
    kill_all,
    machines_in,
)

LIBC = ctypes.CDLL(None)
GRACE = 5.0
"""Seconds for QEMU to end after SIGTERM."""
EARLIER_START = 30.0
"""Seconds for an earlier start of the machine, whose connection was lost, to end."""
MAX_INPUT = 1 << 20
"""Bytes of console input that wait for QEMU; further ones are dropped."""


def end_with_parent() -> None:
    """QEMU ends when this program is killed, as by a system that is out of memory."""
    PR_SET_PDEATHSIG = 1
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """A start script, until it has ended or the other side has."""

    def __init__(self, source: Input, header: Dict[str, Any]) -> None:
        self._source = source
        self._header = header
        self._folder = header["folder"]
        self._waiting = b""
        os.chdir(self._folder)
        self._running = open(RUNNING, "w")
        self._await_earlier_start()
        kill_all(self._folder)
        with open("run", "w") as file:
            file.write(header["script"])
        os.chmod("run", 0o700)
        for path in header["forwarded"]:
            if not os.path.exists(path):
                raise OSError("sshd forwards no Unix sockets (see AllowStreamLocalForwarding)")
        self._files = socket.socket(socket.AF_UNIX)
        self._files.bind(header["files"])
        self._files.listen()

    def run(self) -> int:
        """Returns its exit status, as in a shell. Raises Ended if it was ended before its start."""
        child = None
        try:
            child = self._start()
            self._serve()
        except Ended:
            if child is None:
                raise
            self._terminate(child)
        finally:
            kill_all(self._folder)
            for path in self._header["sockets"]:
                try:
                    os.unlink(path)
                except OSError:
                    pass  # it was never made
            self._running.close()
            remove_if_orphaned(os.path.dirname(self._folder))
        status = child.wait()
        return status if status >= 0 else 128 - status

    def _await_earlier_start(self) -> None:
        end = time.monotonic() + EARLIER_START
        while True:
            try:
                fcntl.flock(self._running, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    text = f"an earlier start of the machine did not end within {EARLIER_START:g} s"
                    raise OSError(text) from None
            time.sleep(0.05)

    def _start(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self._header["environment"], MARK: self._folder}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        child = subprocess.Popen(
            [os.path.abspath("run"), *self._header["words"]],
            stdin=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        assert child.stdin is not None
        self._console = child.stdin.fileno()
        fcntl.fcntl(self._console, fcntl.F_SETFL, os.O_NONBLOCK)
        self._ended, writer = os.pipe()
        threading.Thread(target=self._await_end, args=[child, writer], daemon=True).start()
        return child

    def _await_end(self, child: "subprocess.Popen[bytes]", writer: int) -> None:
        child.wait()
        os.close(writer)

    def _serve(self) -> None:
        while True:
            # Some may have come with the header.
            for frame in self._source.frames():
                if len(self._waiting) + len(frame) <= MAX_INPUT:
                    self._waiting += frame
            writing = [self._console] if self._waiting else []
            watched = [0, self._ended, self._files]
            ready, writable, _ = select.select(watched, writing, [], self._source.silence)
            if self._ended in ready:
                return
            if not ready and not writable:
                raise Ended
            if 0 in ready:
                self._source.fill()
            if self._console in writable:
                self._write()
            if self._files in ready:
                connection, _ = self._files.accept()
                threading.Thread(target=self._send, args=[connection], daemon=True).start()

    def _write(self) -> None:
        try:
            self._waiting = self._waiting[os.write(self._console, self._waiting) :]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting = b""  # QEMU is ending

    def _terminate(self, child: "subprocess.Popen[bytes]") -> None:
        try:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(GRACE)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it is killed next

    def _send(self, connection: socket.socket) -> None:
        """Sends the file whose name is asked for, and removes it."""
        with connection:
            connection.settimeout(self._source.silence)
            name = connection.makefile("r").readline().strip()
            path = os.path.join(self._folder, os.path.basename(name))
            try:
                with open(path, "rb") as file:
                    connection.sendfile(file)
                os.unlink(path)
            except OSError:
                pass  # the other side sees that nothing comes


def remove_if_orphaned(folder: str) -> None:
    """Removes the folder of a run whose keeper was killed, when no machine of it runs any more."""
    kept = os.path.join(folder, KEPT)
    if not os.path.exists(kept):
        return
    locks = [kept]
    locks += [os.path.join(machine, RUNNING) for machine in machines_in(folder)]
    if all(is_free(path) for path in locks):
        shutil.rmtree(folder, ignore_errors=True)
