"""The folder of all recorded runs of this user, and its size."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from charioteer import folders, paths
from charioteer.errors import InputError
from charioteer.testing.checkpoints.record import Description, Record, occupied, reason_of

_DEFAULT_LIMIT = 20_000  # MB
_PARTIAL_AGE = 60  # seconds
# The folders that new_record() makes. Others are the user's, and are neither listed nor removed.
_RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


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


class Unreadable(NamedTuple):
    """A recorded run that cannot be read."""

    folder: Path
    reason: str


def run_folders() -> list[Path]:
    """The folders of all recorded runs, also of those that cannot be read, the newest first."""
    found = root().iterdir() if root().is_dir() else ()
    return sorted(
        (each for each in found if _RUN.fullmatch(each.name) and each.is_dir()), reverse=True
    )


def records(unreadable: list[Unreadable] | None = None) -> list[Record]:
    """All recorded runs that can be read, the newest first. The others are added to `unreadable`."""
    found = []
    others = [] if unreadable is None else unreadable
    for folder in run_folders():
        try:
            found.append(Record(folder))
        except OSError as error:
            if folder.exists():  # else another process has removed it
                others.append(Unreadable(folder, f"cannot read {reason_of(error, folder)}"))
        except ValueError as error:
            others.append(Unreadable(folder, str(error)))
    return sorted(found, key=lambda each: each.description.begin, reverse=True)


@contextmanager
def new_record(description: Description) -> Iterator[Record]:
    """A new recorded run, which is not removed within the block. Raises OSError."""
    parent = root()
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(description.begin))
    folder = parent / f"{stamp}-{os.urandom(3).hex()}"
    partial = folder.with_name(folder.name + folders.PARTIAL)
    partial.mkdir(mode=0o700)
    # The lock is that of the folder, whatever its name.
    with folders.in_use(partial):
        Record.create(partial, description)
        partial.rename(folder)
        yield Record(folder)


def prune(most: int) -> list[Path]:
    """Removes the oldest runs that are not in use, until all use at most `most` bytes.

    Also removes what killed processes have left. Returns the folders of the removed runs. Raises
    OSError.
    """
    if not root().is_dir():
        return []
    for partial in root().glob(f"*{folders.PARTIAL}"):
        # A newer one may be being made.
        if _RUN.fullmatch(partial.stem) and time.time() - partial.stat().st_mtime > _PARTIAL_AGE:
            folders.remove(partial)
    runs = run_folders()
    counted: set[tuple[int, int]] = set()
    # The newest first: files that an older run shares with it do not go away with the older one.
    sizes = {folder: occupied(folder, counted) for folder in runs}
    total = sum(sizes.values())
    removed = []
    for folder in reversed(runs):
        if total > most and folders.remove(folder):
            removed.append(folder)
            total -= sizes[folder]
    return removed
