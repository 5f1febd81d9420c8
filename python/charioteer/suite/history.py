"""What earlier runs of tests took, in an SQLite file that several suites may use at once."""

import hashlib
import os
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from charioteer import paths
from charioteer.errors import InputError
from charioteer.suite.demand import Demand, Measured

_VERSION = 1
_RUNS_USED = 5
"""The last runs of a test from which its next one is estimated."""
_RUNS_KEPT = 20
_PATIENCE = 30.0
"""Seconds to wait for another suite that writes."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY,
    test TEXT NOT NULL,
    ended REAL NOT NULL,              -- seconds since 1970
    seconds REAL NOT NULL,
    declared_memory INTEGER NOT NULL, -- MB
    declared_processors REAL NOT NULL,
    memory INTEGER,                   -- MB at the peak
    processors REAL                   -- on average
);
CREATE INDEX IF NOT EXISTS runs_of_test ON runs (test, id);
"""


@dataclass(frozen=True)
class Estimate:
    """Of the next run of a test; None: not known."""

    seconds: float | None = None
    measured: Measured | None = None


def default_file() -> Path:
    """The history of the working directory, in the cache: names of tests are relative to it."""
    digest = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:16]
    return paths.cache() / "history" / f"{digest}.sqlite"


class History:
    """The durations and the use of memory and processors of runs that passed."""

    def __init__(self, file: Path) -> None:
        """The file is made when a run is recorded."""
        self._file = file

    def estimate(self, test: str, limit: Demand) -> Estimate:
        """`limit`: what the cluster file declares; runs with another one are left out of account.

        Raises InputError when the file is not a history, OSError when it cannot be examined.
        """
        try:
            # Not exists(), which since Python 3.14 is false for every error: shards that overlook their
            # history divide the tests in another way than the others.
            self._file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return Estimate()
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT seconds, memory, processors FROM runs WHERE test = ?"
                " AND declared_memory = ? AND declared_processors = ? ORDER BY id DESC LIMIT ?",
                (test, limit.memory, limit.processors, _RUNS_USED),
            ).fetchall()
        if not rows:
            return Estimate()
        full = [(memory, used) for _, memory, used in rows if memory is not None]
        measured = Measured(max(m for m, _ in full), max(u for _, u in full)) if full else None
        return Estimate(statistics.median(seconds for seconds, _, _ in rows), measured)

    def record(self, test: str, limit: Demand, seconds: float, measured: Measured | None) -> None:
        """Adds a run that has passed. Raises InputError, OSError."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        memory, processors = (measured.memory, measured.processors) if measured else (None, None)
        row = (test, time.time(), seconds, limit.memory, limit.processors, memory, processors)
        with self._opened() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT INTO runs (test, ended, seconds, declared_memory, declared_processors,"
                " memory, processors) VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            connection.execute(
                "DELETE FROM runs WHERE test = ? AND id NOT IN"
                " (SELECT id FROM runs WHERE test = ? ORDER BY id DESC LIMIT ?)",
                (test, test, _RUNS_KEPT),
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=_PATIENCE)) as connection:
                self._prepare(connection)
                yield connection
        except sqlite3.OperationalError as error:
            raise OSError(0, f"the history cannot be used: {error}", str(self._file)) from error
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{self._file}: not a history of tests ({error}): remove it, or name another file"
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == _VERSION:
            return
        if version != 0:
            raise InputError(f"{self._file}: version {version}, not {_VERSION}: remove the file")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION};")
        connection.commit()
