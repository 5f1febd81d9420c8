"""The folder for the state of a run."""

import os
from pathlib import Path

from charioteer.paths import is_utf8


def temporary_directory() -> Path:
    """The folder for state directories and sockets, created (mode 0700) if it is missing.

    It is that of XDG_RUNTIME_DIR, else of TMPDIR, TEMP or TMP, else a usual place. Raises
    NotADirectoryError, PermissionError or another OSError that names it, and ValueError.
    """
    if named := os.environ.get("XDG_RUNTIME_DIR"):
        directory = Path(named)
    else:
        import tempfile  # costs some milliseconds

        directory = Path(tempfile.gettempdir())
    if not is_utf8(directory):
        raise ValueError(
            f"{ascii(str(directory))}, the place for the state of machines, is not UTF-8: set"
            " XDG_RUNTIME_DIR (or TMPDIR) to another folder"
        )
    if not os.path.lexists(directory):
        directory.mkdir(mode=0o700)
    if not directory.is_dir():
        raise NotADirectoryError(f"{directory}, the place for the state of machines, is no folder")
    if not os.access(directory, os.W_OK):
        raise PermissionError(f"{directory}, the place for the state of machines, is not writable")
    return directory
