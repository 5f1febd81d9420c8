"""What the tests that run on this host may take: shared by all suites of a user.

Each claim is a file that its owner has locked, so that the claims of a process that was killed
vanish with it. Claims are made under the lock of the ledger.
"""

import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from charioteer.errors import InputError
from charioteer.suite import limits
from charioteer.suite.demand import NONE, Demand, total

_LOCK = "ledger.lock"
_CLAIM = ".claim"
_WISH = ".wish"


def folder_name() -> str:
    """The name of the ledger's folder in TMPDIR.

    Processes with limits of their own, as in a task of a job array, have a ledger of their own: what
    others take does not count there.
    """
    digest = limits.digest()
    return f"charioteer-{os.getuid()}-ledger" + (f"-{digest}" if digest else "")


class Entry:
    """A claim, or the wish for one. It is in the ledger until `release`, or the end of the process.

    A child that inherits `descriptor` keeps it there, if this process is killed.
    """

    def __init__(self, file: Path, descriptor: int, demand: Demand) -> None:
        self.descriptor = descriptor
        self.demand = demand
        self.file = file

    def release(self) -> None:
        self.file.unlink(missing_ok=True)
        os.close(self.descriptor)


class Ledger:
    """The ledger of this user and of what limits this process, by default in TMPDIR."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raises InputError when the folder belongs to another user, OSError."""
        self._folder = folder or Path(tempfile.gettempdir()) / folder_name()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._folder.stat().st_uid != os.getuid():
            raise InputError(f"{self._folder} belongs to another user; remove it or set TMPDIR")
        self._wish: Entry | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within the block no other suite changes the ledger. Waits for those that do."""
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Others have it for the time of a few system calls.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def claimed(self) -> Demand:
        """The sum of all claims. Within `locked`."""
        return total(demand for _, demand, _ in self._live(_CLAIM))

    def owners(self) -> set[int]:
        """The ids of the processes that have made the claims. Within `locked`."""
        return {owner for _, _, owner in self._live(_CLAIM)}

    def wished_before(self) -> Demand:
        """What suites that wait for longer than this one need next. Within `locked`."""
        own = self._wish.file if self._wish else None
        older = []
        for file, demand, _ in self._live(_WISH):
            if own is not None and file.name >= own.name:
                break
            older.append(demand)
        return total(older)

    def claim(self, demand: Demand) -> Entry:
        """Adds a claim; a wish of this process is granted by it. Within `locked`."""
        self.withdraw()
        return self._add(demand, _CLAIM)

    def wish(self, demand: Demand) -> None:
        """Makes suites that come later leave room for `demand`. Within `locked`."""
        if self._wish is None or self._wish.demand != demand:
            self.withdraw()
            self._wish = self._add(demand, _WISH)

    def withdraw(self) -> None:
        """Removes the wish, if there is one."""
        if self._wish is not None:
            self._wish.release()
            self._wish = None

    def _add(self, demand: Demand, kind: str) -> Entry:
        # In the order of time.
        name = f"{time.monotonic_ns():020}-{secrets.token_hex(4)}{kind}"
        file = self._folder / name
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            content = {**asdict(demand), "owner": os.getpid()}
            os.write(descriptor, json.dumps(content).encode())
        except OSError:
            file.unlink()
            os.close(descriptor)
            raise
        return Entry(file, descriptor, demand)

    def _live(self, kind: str) -> Iterator[tuple[Path, Demand, int]]:
        """The entries whose owners live, in the order of time, with the owners; others are removed."""
        for file in sorted(self._folder.glob(f"*{kind}")):
            try:
                descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                if _is_locked(descriptor):
                    yield file, *_content(os.read(descriptor, 4096))
                else:
                    file.unlink(missing_ok=True)
            finally:
                os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _content(content: bytes) -> tuple[Demand, int]:
    """Demand and owner."""
    try:
        read = json.loads(content)
        return Demand(int(read["memory"]), float(read["processors"])), int(read["owner"])
    except (ValueError, KeyError, TypeError):
        return NONE, 0  # of an entry that was not written completely, since the disk is full
