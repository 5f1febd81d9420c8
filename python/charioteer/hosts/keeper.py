"""The folder of a run on another host, and the files that machines need there."""

import hashlib
import json
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from charioteer.errors import InputError
from charioteer.hosts import connection
from charioteer.hosts.connection import HEARTBEAT, SILENCE
from charioteer.hosts.hosts_file import Host
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


class HostLost(InputError):
    """There is no connection to a host, or no answer. The text names it."""

    status = 75
    """Not the test's fault: the same as of failures of the host in suites."""


class Keeper:
    """A connection to a host for one run. Its end removes everything of the run there."""

    folder: str
    """That of the run, with one for each machine in it."""

    def __init__(self, host: Host, machines: Iterable[str]) -> None:
        """Raises HostLost, InputError if the host lacks a program."""
        self.host = host
        self._lock = threading.Lock()
        self._errors: list[bytes] = []
        self._process = subprocess.Popen(
            connection.command(host),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
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

    def send(self, files: Iterable[Path]) -> dict[Path, str]:
        """Sends those of the files that the cache there lacks; their paths there.

        Raises HostLost, OSError.
        """
        digests = {path: _digest(path) for path in dict.fromkeys(files)}
        need = [[digest, path.stat().st_size] for path, digest in digests.items()]
        missing = set(self._ask({"need": need}, _ANSWER_LIMIT)["missing"])
        for path, digest in digests.items():
            if digest not in missing:
                continue
            missing.remove(digest)
            size = path.stat().st_size
            with path.open("rb") as file:
                self._ask(
                    {"file": digest, "size": size}, _ANSWER_LIMIT + size / _SLOWEST, file=file
                )
        return {path: f"{self._cache}/{digest}" for path, digest in digests.items()}

    def end(self) -> str:
        """Ends what runs there and removes the folder; what is left, or an empty string.

        Idempotent. Waits 30 s at most.
        """
        if self._is_ended.is_set():
            return ""
        self._is_ended.set()
        self._beating.join(HEARTBEAT)
        try:
            left = self._ask({"end": True}, _END_LIMIT)
        except HostLost as error:
            return f"{error}; what runs there ends by itself within {SILENCE:g} s"
        finally:
            self._process.kill()
            self._process.wait()
        if left["left"]:
            return f"the host {self.host.name} still runs the processes {left['left']}"
        return f"the host {self.host.name} still has {left['folder']}" if left["folder"] else ""

    def _require(self, programs: Iterable[str]) -> None:
        for program in ("qemu-system-x86_64", "qemu-img"):
            if program not in programs:
                raise InputError(f"the host {self.host.name} has no {program}: install QEMU there")

    def _ask(
        self,
        request: Mapping[str, object],
        limit: float,
        before: bytes = b"",
        file: IO[bytes] | None = None,
    ) -> dict[str, Any]:
        """Sends a request, and the contents of a file; the answer. Raises HostLost."""
        # The limit covers the writing, too, which waits while the host does not read.
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(limit, expire)
        timer.daemon = True
        timer.start()
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            with self._lock:
                self._process.stdin.write(before + json.dumps(request).encode() + b"\n")
                while file is not None and (piece := file.read(_PIECE)):
                    self._process.stdin.write(piece)
                self._process.stdin.flush()
                line = self._process.stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        if expired.is_set():
            raise HostLost(f"the host {self.host.name} did not answer within {limit:g} s")
        raise HostLost(self._reason())

    def _reason(self) -> str:
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            status = connection.LOST
        self._reader.join(5)
        errors = b"".join(self._errors).decode(errors="replace")
        return connection.reason(self.host.name, status, errors)

    def _read_errors(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._errors = [*self._errors[-19:], line]

    def _beat(self) -> None:
        assert self._process.stdin is not None
        while not self._is_ended.wait(HEARTBEAT):
            try:
                with self._lock:
                    self._process.stdin.write(b"{}\n")
                    self._process.stdin.flush()
            except OSError:
                return  # the next request has the reason


def _digest(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            state.update(piece)
    return state.hexdigest()
