"""What runs on another host, in its own Python (3.8 or later) and without anything of Charioteer.

It is sent over standard input, followed by a line of JSON that chooses what it does: keep the folder
of a run and the cache of files until the end of the run, or run one machine until its end.
Everything that belongs to the run ends when standard input does, or when it is silent for too long.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Dict, Iterator, List

MARK = "CHARIOTEER_FAR_FOLDER"
"""In the environment of all processes of a machine: its folder."""
RUNNING = "running"
"""The file in the folder of a machine that is locked while it runs."""
GRACE = 5.0
"""Seconds for QEMU to end after SIGTERM."""
END_LIMIT = 10.0
"""Seconds for processes to end after SIGKILL."""
UNUSED = 30 * 24 * 3600
"""Seconds after which a file of the cache that no run has used is removed."""
MAX_INPUT = 1 << 20
"""Bytes of console input that wait for QEMU; further ones are dropped."""


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
    while True:
        left = marked(folder)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.02)


# The folder of a run


class Cache:
    """Files by their SHA-256, which stay for later runs."""

    def __init__(self) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.folder = os.path.join(base, "charioteer-hosts")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            try:
                if time.time() - os.stat(path).st_mtime > UNUSED:
                    os.unlink(path)
            except OSError:
                pass  # another run has removed it

    def has(self, digest: str, size: int) -> bool:
        path = os.path.join(self.folder, digest)
        try:
            if os.stat(path).st_size != size:
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def store(self, digest: str, pieces: Iterator[bytes]) -> None:
        """Raises OSError, also for other contents."""
        descriptor, path = tempfile.mkstemp(prefix="partial-", dir=self.folder)
        try:
            state = hashlib.sha256()
            with open(descriptor, "wb") as file:
                for piece in pieces:
                    state.update(piece)
                    file.write(piece)
            if state.hexdigest() != digest:
                raise OSError("the contents of a file were changed on the way")
            os.chmod(path, 0o600)
            os.rename(path, os.path.join(self.folder, digest))
        except BaseException:
            os.unlink(path)
            raise


def facts(folder: str, cache: Cache) -> Dict[str, object]:
    with open("/proc/meminfo") as file:
        fields = {line.split(":")[0]: int(line.split()[1]) for line in file}
    free = fields["MemAvailable"] - fields["MemTotal"] // 20
    return {
        "folder": folder,
        "cache": cache.folder,
        "memory": max(free, 0) // 1024,
        "processors": len(os.sched_getaffinity(0)),
        "programs": [each for each in ("qemu-system-x86_64", "qemu-img") if shutil.which(each)],
    }


def keep(source: Input, header: Dict[str, Any]) -> None:
    """Until the end of the run; all that belongs to it is removed then."""
    folder = tempfile.mkdtemp(prefix="charioteer-", dir=header["parent"] or None)
    try:
        for name in header["machines"]:
            os.mkdir(os.path.join(folder, name), 0o700)
        cache = Cache()
        answer(**facts(folder, cache))
        while True:
            try:
                request = source.line()
            except Ended:
                # Each machine has a connection of its own, whose loss it reports.
                for name in header["machines"]:
                    await_end(os.path.join(folder, name))
                raise
            if "end" in request:
                break
            if "need" in request:
                missing = [d for d, size in request["need"] if not cache.has(d, size)]
                answer(missing=missing)
            if "file" in request:
                size = request["size"]
                cache.store(request["file"], source.pieces(size))
                answer(stored=request["file"])
    finally:
        left = kill_all(folder)
        shutil.rmtree(folder, ignore_errors=True)
    answer(left=left, folder=folder if os.path.exists(folder) else "")


def await_end(folder: str) -> None:
    """Waits while the machine of this folder runs."""
    try:
        with open(os.path.join(folder, RUNNING)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
    except FileNotFoundError:
        pass  # it was never started


# One machine


class Machine:
    """A start script, until it has ended or the other side has."""

    def __init__(self, source: Input, header: Dict[str, Any]) -> None:
        self._source = source
        self._folder = header["folder"]
        self._sockets = header["sockets"]
        self._waiting = b""
        os.chdir(self._folder)
        self._running = open(RUNNING, "w")
        # An earlier start, whose connection was lost, is ending.
        fcntl.flock(self._running, fcntl.LOCK_EX)
        kill_all(self._folder)
        with open("run", "w") as file:
            file.write(header["script"])
        os.chmod("run", 0o700)
        self._files = socket.socket(socket.AF_UNIX)
        self._files.bind(header["files"])
        self._files.listen()
        environment = {**os.environ, **header["environment"], MARK: self._folder}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        self._child = subprocess.Popen(
            [os.path.abspath("run"), *header["words"]],
            stdin=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        assert self._child.stdin is not None
        self._console = self._child.stdin.fileno()
        fcntl.fcntl(self._console, fcntl.F_SETFL, os.O_NONBLOCK)
        self._ended, self._told = os.pipe()
        threading.Thread(target=self._await_end, daemon=True).start()

    def run(self) -> int:
        """Returns its exit status, as in a shell."""
        try:
            self._serve()
        except Ended:
            self._terminate()
        finally:
            kill_all(self._folder)
            for path in self._sockets:
                try:
                    os.unlink(path)
                except OSError:
                    pass  # it was never made
        status = self._child.wait()
        return status if status >= 0 else 128 - status

    def _await_end(self) -> None:
        self._child.wait()
        os.close(self._told)

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

    def _terminate(self) -> None:
        try:
            os.killpg(self._child.pid, signal.SIGTERM)
            self._child.wait(GRACE)
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


def main() -> int:
    def end(_number: int, _frame: object) -> None:
        raise Ended

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    source = Input()
    try:
        header = source.line()
        source.silence = header["silence"]
        if header["mode"] == "keep":
            keep(source, header)
            return 0
        status = Machine(source, header).run()
        # After all output. ssh itself ends only when the connections that it forwards have.
        sys.stdout.buffer.write(b"\0%s:%d\n" % (header["token"].encode(), status))
        sys.stdout.buffer.flush()
    except (Ended, BrokenPipeError):
        pass
    except OSError as error:
        print(f"charioteer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    status = main()
    # Threads may still wait for connections.
    sys.stdout.flush()
    os._exit(status)
