"""A folder that cannot be read, also by root."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest


def refuse_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test `os.walk` gets EACCES for `folder`."""
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
