"""Folders that several processes share: used by some while another may remove them."""

import errno
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
    """Within the block, remove() does not remove `folder`, even if it is renamed.

    Raises OSError, also FileNotFoundError when it is removed at the same time.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            raise FileNotFoundError(errno.ENOENT, "was removed", str(folder))
        yield
    finally:
        os.close(descriptor)


def remove(folder: Path) -> bool:
    """Removes `folder` unless it is in use, or is removed already; returns whether it did.

    Raises OSError.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Renamed first, so that an interrupted removal leaves no folder that seems complete.
        partial = folder.with_name(folder.name.removesuffix(PARTIAL) + PARTIAL)
        folder.rename(partial)
        shutil.rmtree(partial)
        return True
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)
