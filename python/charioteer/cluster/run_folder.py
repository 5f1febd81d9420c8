"""The folder with the state and the sockets of a run's machines."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import paths
from charioteer.errors import InputError


@contextmanager
def run_folder(name: str, keep: bool) -> Iterator[Path]:
    """A folder below TMPDIR, whose path is short because of the sockets; removed unless `keep`.

    A kept one has the same path for each run of the test `name`. Raises InputError, OSError.
    """
    parent = Path(tempfile.gettempdir())
    if not paths.is_utf8(parent):
        raise InputError(f"{ascii(str(parent))} is not UTF-8: set TMPDIR to another folder")
    if keep:
        yield _kept_folder(parent / f"charioteer-{os.getuid()}-{name}")
        return
    folder = Path(tempfile.mkdtemp(prefix="charioteer-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kept_folder(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise InputError(f"{folder} belongs to another user; remove it or set TMPDIR")
    return folder
