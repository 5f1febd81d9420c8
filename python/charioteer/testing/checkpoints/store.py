"""The folder of all recorded runs of this user, and its size."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import folders, paths
from charioteer.errors import InputError
from charioteer.testing.checkpoints.record import Description, Record, occupied

_DEFAULT_LIMIT = 20_000  # MB
_PARTIAL_AGE = 600  # seconds


def root() -> Path:
    """The folder, which may not exist yet: $CHARIOTEER_CHECKPOINTS, by default in the cache."""
    if explicit := os.environ.get("CHARIOTEER_CHECKPOINTS"):
        return Path(explicit).absolute()
    return paths.cache() / "checkpoints"


def limit() -> int:
    """The bytes up to which runs are kept: $CHARIOTEER_CHECKPOINTS_SIZE, in MB.

    Raises InputError for a value that is no number.
    """
    text = os.environ.get("CHARIOTEER_CHECKPOINTS_SIZE", str(_DEFAULT_LIMIT))
    if not text.isdecimal():
        raise InputError(
            f"the variable CHARIOTEER_CHECKPOINTS_SIZE is {text!r}, not a number of megabytes"
        )
    return int(text) * 1_000_000


def records() -> list[Record]:
    """All recorded runs that can be read, the newest first."""
    found = []
    for folder in root().iterdir() if root().is_dir() else ():
        try:
            if folder.suffix != folders.PARTIAL:
                found.append(Record(folder))
        except (OSError, ValueError):
            continue  # it is being removed, or of another version
    return sorted(found, key=lambda each: each.description.begin, reverse=True)


@contextmanager
def new_record(description: Description) -> Iterator[Record]:
    """A new recorded run, which is not removed within the block. Raises OSError."""
    parent = root()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_remains(parent)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(description.begin))
    folder = parent / f"{stamp}-{secrets.token_hex(3)}"
    record = Record.create(folder, description)
    with folders.in_use(folder):
        yield record


def prune(most: int) -> list[Path]:
    """Removes the oldest runs that are not in use, until all use at most `most` bytes.

    Returns the folders of the removed ones. Raises OSError.
    """
    removed = []
    kept = [(folder, occupied(folder)) for folder in sorted(_folders())]
    total = sum(size for _, size in kept)
    for folder, size in kept:
        if total <= most:
            break
        if folders.remove(folder):
            removed.append(folder)
            total -= size
    return removed


def _folders() -> list[Path]:
    """Those of all runs, also of other versions; their names begin with the time."""
    if not root().is_dir():
        return []
    return [each for each in root().iterdir() if each.is_dir() and each.suffix != folders.PARTIAL]


def _remove_remains(parent: Path) -> None:
    """Removes what killed processes have left: incomplete folders, and runs that are not kept."""
    for folder in parent.iterdir():
        try:
            if folder.suffix == folders.PARTIAL:
                # A newer one may be being made.
                obsolete = time.time() - folder.stat().st_mtime > _PARTIAL_AGE
            else:
                obsolete = not Record(folder).description.kept
            if obsolete:
                folders.remove(folder)
        except (OSError, ValueError):
            continue  # another process removes it, or it is of another version
