"""The cache of built things: each in a folder named by a hash of what it is made from."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import paths
from charioteer.errors import BuildError

_PARTIAL = ".partial"


def digest(parts: Iterable[bytes]) -> str:
    """A name for the contents `parts`."""
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
    """The folder of what is built under `name`, if it is."""
    folder = paths.cache() / name
    return folder if folder.is_dir() else None


def log_of(name: str) -> Path:
    """Where what is said while making `name` goes. It outlives a failure."""
    return paths.cache() / f"{name.removesuffix(_PARTIAL)}.log"


def obtain(name: str, make: Callable[[Path], None], waiting: Callable[[], None]) -> Path:
    """The folder of `name`; when it is not there yet, `make` fills it, beside its place.

    It appears complete or not at all, however the process ends. Of several at once, in whatever
    process, one makes it and the others call `waiting` and wait. Raises BuildError.
    """
    if folder := find(name):
        return folder
    try:
        root = paths.cache()
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root / f"{name}.lock", waiting):
            if folder := find(name):
                return folder
            _collect(root)
            partial = root / (name + _PARTIAL)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                make(partial)
                _settle(partial)
                partial.rename(root / name)
                _sync(root)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise BuildError(f"{error.filename or paths.cache()}: {error.strerror}") from error
    return root / name


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keeps `folder`, which obtain() gave, from remove(); ends with the process at the latest."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Removes `folder`, which obtain() gave, unless it is in use."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        # What is left when this is cut short has the name of something incomplete.
        partial = folder.with_name(folder.name + _PARTIAL)
        folder.rename(partial)
        shutil.rmtree(partial)
    finally:
        os.close(descriptor)


@contextmanager
def _lock(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the file lock, which ends with the process."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _collect(root: Path) -> None:
    """Removes what builds that were killed have left; those under way hold their lock."""
    for partial in root.glob(f"*{_PARTIAL}"):
        with (root / f"{partial.name.removesuffix(_PARTIAL)}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(partial, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Makes the contents of `folder` outlive a power cut."""
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
