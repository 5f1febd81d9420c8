"""Small file systems for tests of full disks."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")


class mounted:
    """Mounts a small file system at `path` for the duration of the block."""

    def __init__(self, path: Path, options: str) -> None:
        self.path, self.options = path, options

    def __enter__(self) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", self.path], check=True)

    def __exit__(self, *_exception: object) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=True)
