"""What the checks have found to be correct, so that it is skipped until it changes; used by the programs of
this folder."""

import contextlib
import functools
import hashlib
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The time for which a digest is kept after its last use, in seconds.
MAX_AGE = 30 * 24 * 3600


class Passed:
    """What had no findings, as empty files named by digests of all on which the findings depend."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in self._folder.iterdir():
            # Another run may have removed it.
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_mtime < time.time() - MAX_AGE:
                    file.unlink()

    def __contains__(self, name: str) -> bool:
        try:
            os.utime(self._folder / name)
        except FileNotFoundError:
            return False
        return True

    def add(self, before: Iterable[str], after: Iterable[str]) -> None:
        """Keeps the digests from before a check that are the same after it. The others are of files that
        changed in between, so that it is unknown which text was checked."""
        for name in {*before} & {*after}:
            (self._folder / name).touch()


@functools.cache
def versions(*packages: str) -> bytes:
    """The installed versions of packages of Debian, whose names may be patterns."""
    query = ["dpkg-query", "-W", "-f=${Package} ${Version}\n", *packages]
    return subprocess.run(query, capture_output=True, check=False).stdout


def digest(common: bytes, files: Iterable[Path]) -> str:
    """A hash of `common` and of the names and contents of files of the project, which may be missing."""
    state = hashlib.sha256(common)
    for file in files:
        # Without the project's path, so that all work trees share the results.
        state.update(f"\0{file.relative_to(ROOT)}\0".encode())
        with contextlib.suppress(FileNotFoundError):
            text = file.read_bytes()
            state.update(f"{len(text)}\0".encode() + text)
    return state.hexdigest()


@functools.cache
def project_files() -> list[Path]:
    """The project's files, tracked or not, that git does not ignore; all if there is no repository, as in
    an unpacked source archive. Files and folders whose names begin with a dot are left out."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    found = None
    # Without it, git would use a repository that contains the project, and may ignore it.
    if (ROOT / ".git").exists():
        with contextlib.suppress(FileNotFoundError, subprocess.CalledProcessError):
            output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
            found = {ROOT / os.fsdecode(name) for name in output.split(b"\0") if name}
    if found is None:
        found = set(ROOT.rglob("*"))
    return sorted(
        file
        for file in found
        if not any(part.startswith(".") for part in file.relative_to(ROOT).parts) and file.is_file()
    )


def files_below(folders: Iterable[str], *suffixes: str) -> list[Path]:
    """The project's files with one of the suffixes, below folders of the project."""
    starts = tuple(f"{ROOT / folder}/" for folder in folders)
    return [
        file for file in project_files() if file.suffix in suffixes and str(file).startswith(starts)
    ]


def python_scripts() -> list[Path]:
    """The programs of this folder in Python, most of which have no suffix, and their modules."""
    shebang = b"#!/usr/bin/python3\n"
    files = [file for file in project_files() if file.parent == ROOT / "scripts"]
    return [each for each in files if each.suffix == ".py" or each.read_bytes().startswith(shebang)]


@functools.cache
def python_files(*folders: str) -> list[Path]:
    """The sources and stubs in Python below folders of the project."""
    return files_below(folders, ".py", ".pyi")
