"""Folders that several processes share: used by some while another may remove them."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""The end of the name of a folder that is being made or removed."""


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Within the block, remove() does not remove `folder`. Raises OSError when it does not exist."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def remove(folder: Path) -> bool:
    """Removes `folder` unless it is in use; returns whether it did. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        # Renamed first, so that an interrupted removal leaves no folder that seems complete.
        partial = folder.with_name(folder.name + PARTIAL)
        folder.rename(partial)
        shutil.rmtree(partial)
        return True
    finally:
        os.close(descriptor)
