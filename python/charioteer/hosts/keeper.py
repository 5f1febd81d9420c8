"""The folder of a run on another host, and the files that machines need there."""

import hashlib
import json
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from charioteer.errors import BuildError, InputError
from charioteer.hosts import connection
from charioteer.hosts.connection import HEARTBEAT, SILENCE, LastLines
from charioteer.hosts.hosts_file import Host
from charioteer.hosts.remote_base import HELLO
from charioteer.suite.demand import Demand

_START_LIMIT = 60.0
"""Seconds for a connection, and for the first answer."""
_ANSWER_LIMIT = 120.0
"""Seconds for the other host to look into its cache, or to write one file."""
_SLOWEST = 1 << 20
"""Bytes per second: a file is sent at least so fast."""
_END_LIMIT = 30.0
"""Seconds for the clean-up on the other host."""
_PIECE = 1 << 20
_LINE = 1 << 16


class HostFailure(InputError):
    """A host cannot be reached, was lost, or has no room. The text names it."""

    status = 75
    """Not the test's fault: the same as of failures of the host in suites."""


class Keeper:
    """A connection to a host for one run. Its end removes everything of the run there."""

    folder: str
    """That of the run, with one for each machine in it."""

    def __init__(self, host: Host, machines: Iterable[str]) -> None:
        """Raises HostFailure; InputError if the host lacks its folder; BuildError if it lacks a program."""
        self.host = host
        self._lock = threading.Lock()
        self._errors = LastLines()
        self._is_greeted = False
        self._is_broken = False
        """Whether a request was not sent completely, or its answer was not read."""
        self._process = subprocess.Popen(
            connection.command(host),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=connection.environment(),
            # Ctrl-C is for the driver, which ends the machines first.
            start_new_session=True,
        )
        assert self._process.stderr is not None
        self._reader = threading.Thread(
            target=self._read_errors, args=[self._process.stderr], daemon=True
        )
        self._reader.start()
        header = {
            "mode": "keep",
            "parent": host.folder,
            "machines": list(machines),
            "silence": SILENCE,
        }
        try:
            facts = self._ask(header, _START_LIMIT, connection.program())
            if "error" in facts:
                folder = host.folder or "the temporary folder there"
                raise InputError(f"hosts.{host.name}.folder: {folder}: {facts['error']}")
            self.folder = facts["folder"]
            self._cache = facts["cache"]
            self.capacity = Demand(
                host.memory or facts["memory"], float(host.processors or facts["processors"])
            )
            self._require(facts["programs"])
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self._is_ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()

    def send(self, digests: Mapping[Path, str]) -> dict[Path, str]:
        """Sends those of the files that the cache there lacks; their paths there.

        `digests` are their SHA-256. Raises HostFailure, OSError if a file here cannot be read.
        """
        sizes = {digest: path.stat().st_size for path, digest in digests.items()}
        found = self._ask({"need": [*sizes.items()]}, _ANSWER_LIMIT)
        if "error" in found:
            raise HostFailure(
                f"the host {self.host.name} has no room for {_megabytes(found['size'])} of files"
                f" in {self._cache}: {found['error']}"
            )
        missing = set(found["missing"])
        for path, digest in digests.items():
            if digest in missing:
                missing.remove(digest)
                self._send_file(path, digest, sizes[digest])
        return {path: f"{self._cache}/{digest}" for path, digest in digests.items()}

    def _send_file(self, path: Path, digest: str, size: int) -> None:
        limit = _ANSWER_LIMIT + size / _SLOWEST
        with path.open("rb") as file:
            found = self._ask({"file": digest, "size": size}, limit, pieces=_pieces(file, size))
        if "error" in found:
            raise HostFailure(
                f"the host {self.host.name} cannot store {path} ({_megabytes(size)})"
                f" in {self._cache}: {found['error']}"
            )

    def end(self) -> str:
        """Ends what runs there and removes the folder; what is left, or an empty string.

        Idempotent. Waits 30 s at most.
        """
        if self._is_ended.is_set():
            return ""
        self._is_ended.set()
        self._beating.join(HEARTBEAT)
        try:
            if self._is_broken:
                return self._end_by_input()
            left = self._ask({"end": True}, _END_LIMIT)
        except HostFailure as error:
            return f"{error}; {self._own_end}"
        finally:
            self._process.kill()
            self._process.wait()
        if left.get("left"):
            return f"the host {self.host.name} still runs the processes {left['left']}"
        folder = left.get("folder")
        return f"the host {self.host.name} still has {folder}" if folder else ""

    @property
    def _own_end(self) -> str:
        if self._process.poll() in (None, connection.LOST):
            return f"what runs there ends by itself within {SILENCE:g} s"
        return f"it may still have {self.folder}"

    def _end_by_input(self) -> str:
        """The same when no request can be sent any more: the end of the input is one, too."""
        assert self._process.stdin is not None
        timer = threading.Timer(_END_LIMIT, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.close()
        except OSError:
            pass  # ssh has ended
        status = self._process.wait()
        timer.cancel()
        return "" if status == 0 else f"{self._reason()}; {self._own_end}"

    def _require(self, programs: Iterable[str]) -> None:
        for program in ("qemu-system-x86_64", "qemu-img"):
            if program not in programs:
                raise BuildError(f"the host {self.host.name} has no {program}: install QEMU there")

    def _ask(
        self,
        request: Mapping[str, object],
        limit: float,
        before: bytes = b"",
        pieces: Iterable[bytes] = (),
    ) -> dict[str, Any]:
        """Sends a request, and the contents of a file; the answer. Raises HostFailure."""
        # The limit covers the writing, too, which waits while the host does not read.
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(limit, expire)
        timer.daemon = True
        timer.start()
        try:
            with self._lock:
                self._is_broken = True
                line = self._exchange(before + json.dumps(request).encode() + b"\n", pieces)
                self._is_broken = not line
        finally:
            timer.cancel()
        if line:
            return self._parsed(line)
        if expired.is_set():
            printed = self._errors.text.strip().rpartition("\n")[2]
            last = f"; the last that came is {printed!r}" if printed else ""
            raise HostFailure(f"the host {self.host.name} did not answer within {limit:g} s{last}")
        raise HostFailure(self._reason())

    def _exchange(self, request: bytes, pieces: Iterable[bytes]) -> bytes:
        """The line of the answer; empty if there is no connection any more."""
        assert self._process.stdout is not None
        if not self._put(request) or not all(map(self._put, pieces)):
            return b""
        while not self._is_greeted:
            # A login shell may print something before.
            line = self._process.stdout.readline(_LINE)
            if not line:
                return b""
            self._is_greeted = line.endswith(HELLO)
            if not self._is_greeted:
                self._errors.feed(line)
        return self._process.stdout.readline()

    def _put(self, data: bytes) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        self._is_broken = True
        raise HostFailure(f"the host {self.host.name} has sent {line[:80]!r}, which is no answer")

    def _reason(self) -> str:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            status = connection.LOST
        self._reader.join(5)
        name, errors = self.host.name, self._errors.text
        return connection.reason(name, status, errors, was_reached=self._is_greeted)

    def _read_errors(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._errors.feed(line)

    def _beat(self) -> None:
        while not self._is_ended.wait(HEARTBEAT):
            with self._lock:
                # Within a file, they would be contents of it.
                if self._is_broken or not self._put(b"{}\n"):
                    return  # the next request has the reason


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The contents of a file, which is to have that size. Raises InputError if it has another."""
    while size > 0:
        piece = file.read(min(size, _PIECE))
        if not piece:
            raise InputError(f"{file.name}: it has become shorter while it was sent")
        size -= len(piece)
        yield piece


def _megabytes(size: int) -> str:
    return f"{-(-size // (1 << 20))} MB"


class Digests:
    """SHA-256 of files, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, files: Iterable[Path]) -> dict[Path, str]:
        """Raises OSError."""
        return {path: self._known.get(path) or self._read(path) for path in files}

    def _read(self, path: Path) -> str:
        state = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                state.update(piece)
        self._known[path] = state.hexdigest()
        return self._known[path]
