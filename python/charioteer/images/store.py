"""The cache of images and programs: each in a folder named by a hash of what it is made from."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import paths
from charioteer.errors import BuildError
from charioteer.folders import PARTIAL


def digest(parts: Iterable[bytes]) -> str:
    """A hash of `parts`, as part of a folder's name."""
    state = hashlib.sha256()
    for part in parts:
        state.update(b"%d:" % len(part))
        state.update(part)
    return state.hexdigest()[:20]


def contents(folder: Path) -> Iterator[bytes]:
    """Names, modes and contents of all files and links in `folder`, for digest()."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            yield f"{path.relative_to(folder)} -> {path.readlink()}".encode()
        elif path.is_file():
            yield f"{path.relative_to(folder)} {path.stat().st_mode & 0o111:o}".encode()
            yield path.read_bytes()


def find(name: str) -> Path | None:
    """The folder `name` of the cache; None if it has not been built."""
    folder = paths.cache() / name
    return folder if folder.is_dir() else None


def log_of(name: str) -> Path:
    """The log of building `name`, which is kept after a failure."""
    return paths.cache() / f"{name.removesuffix(PARTIAL)}.log"


def obtain(name: str, make: Callable[[Path], None], waiting: Callable[[], None]) -> Path:
    """The folder `name` of the cache; if it does not exist, `make` fills a temporary folder for it.

    It is complete when it appears, even if the process is killed. When several callers, also of
    several processes, need it at once, one makes it; the others call `waiting` and wait. Raises
    BuildError.
    """
    if folder := find(name):
        return folder
    try:
        root = paths.cache()
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root / f"{name}.lock", waiting):
            if folder := find(name):
                return folder
            _remove_partial(root)
            partial = root / (name + PARTIAL)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                make(partial)
                _sync_contents(partial)
                partial.rename(root / name)
                _sync(root)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise BuildError(f"{error.filename or paths.cache()}: {error.strerror}") from error
    return root / name


@contextmanager
def _lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the file lock within the block; calls `waiting` if another process holds it."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_partial(root: Path) -> None:
    """Removes the remains of killed builds, whose locks are free."""
    for partial in root.glob(f"*{PARTIAL}"):
        with (root / f"{partial.name.removesuffix(PARTIAL)}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(partial, ignore_errors=True)


def _sync_contents(folder: Path) -> None:
    """Writes the contents of `folder` to the disk, so that they survive a power failure."""
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
