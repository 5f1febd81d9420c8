"""The folder of all recorded runs of this user, and its size."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import folders, paths
from charioteer.errors import InputError
from charioteer.testing.checkpoints.record import Description, Record, occupied, reason_of

_DEFAULT_LIMIT = 20_000  # MB
_PARTIAL_AGE = 60  # seconds


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


def records(problems: list[str] | None = None) -> list[Record]:
    """All recorded runs that can be read, the newest first.

    Why others cannot be read is added to `problems`.
    """
    found = []
    why = [] if problems is None else problems
    for folder in sorted(root().iterdir() if root().is_dir() else (), reverse=True):
        if folder.suffix == folders.PARTIAL or not folder.is_dir():
            continue
        try:
            found.append(Record(folder))
        except OSError as error:
            why.append(f"cannot read {reason_of(error, folder)}")  # or it is being removed
        except ValueError as error:
            why.append(str(error))
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
    everything = [each for each in root().iterdir() if each.is_dir()]
    for partial in (each for each in everything if each.suffix == folders.PARTIAL):
        # A newer one may be being made.
        if time.time() - partial.stat().st_mtime > _PARTIAL_AGE:
            folders.remove(partial)
    runs = sorted(each for each in everything if each.suffix != folders.PARTIAL)
    counted: set[tuple[int, int]] = set()
    # The newest first: files that an older run shares with it do not go away with the older one.
    sizes = {folder: occupied(folder, counted) for folder in reversed(runs)}
    total = sum(sizes.values())
    removed = []
    for folder in runs:
        if total > most and folders.remove(folder):
            removed.append(folder)
            total -= sizes[folder]
    return removed
