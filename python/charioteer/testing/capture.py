"""Captures: the frames of a VLAN in a file of the output directory."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from charioteer import _core as core
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.parameters import checked

CLIENTS_LIMIT = 1
"""Seconds at the end of a VLAN, for `charioteer capture` to receive the last frames."""
DISKS_LIMIT = 5
"""Seconds at the end of a run, for the files of captures that could not be stopped before."""


class _Reservation:
    """Of a file by one capture, from construction to end()."""

    _lock = threading.Lock()
    _taken: ClassVar[dict[Path, "_Reservation"]] = {}
    """By resolved path; of the whole process."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError if another capture has it."""
        self._path = path.resolve()
        with self._lock:
            if self._path in self._taken:
                raise ValueError(
                    f"another capture writes to {path}; stop it first, or use another name"
                )
            self._taken[self._path] = self

    def end(self) -> None:
        """Idempotent."""
        with self._lock:
            if self._taken.get(self._path) is self:
                del self._taken[self._path]


class Capture:
    """The frames of a VLAN from its begin to stop(), the end of `with`, or that of the VLAN."""

    path: Path
    """The file, in the format pcapng. It can be read while it grows."""

    def __init__(
        self, path: Path, logger: AbstractLogger, begin: Callable[[int], core.Capture]
    ) -> None:
        """`begin` starts writing to a descriptor, which it closes at the end.

        Raises ValueError if another capture writes to the file, and OSError.
        """
        self.path = path
        self._logger = logger
        self._is_reported = False
        self._reservation = _Reservation(path)
        try:
            self._handle = begin(create(path))
        except BaseException:
            self._reservation.end()
            raise

    @checked
    def stop(self, timeout: Duration = 60) -> None:
        """Writes the frames that were sent before this call, and closes the file. Idempotent.

        A file that is incomplete, because the disk is full or takes longer than `timeout`, is a
        warning in the log.
        """
        reason = self._handle.stop(seconds(timeout))
        self._reservation.end()
        if reason and not self._is_reported:
            self._is_reported = True
            self._logger.warning(f"the capture {self.path} is incomplete: {reason}")

    def __enter__(self) -> "Capture":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Capture {self.path}>"


def path_within(folder: Path, name: str) -> Path:
    """The path of the file `name` in `folder`. Raises ValueError if it would be elsewhere."""
    path = folder / name
    found = path.resolve()
    if found == folder.resolve() or not found.is_relative_to(folder.resolve()):
        raise ValueError(f"a capture is a file in the output directory, which {name!r} is not")
    return path


def create(path: Path) -> int:
    """Creates a file in place of an existing one, and returns its descriptor. Raises OSError.

    Only its owner can read it, since frames may contain secrets.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # An old file may be readable by others.
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
