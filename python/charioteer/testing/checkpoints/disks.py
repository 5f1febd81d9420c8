"""Copies of the folders of machines: disks, variables of firmware, and other files."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOCK = "lock"
"""The file that the core locks while it uses a state directory."""


def copy_folder(source: Path, target: Path, has_lock: bool = True) -> None:
    """Copies all files, folders and links, except sockets, pipes and, if it `has_lock`, the core's lock.

    `target` is created if it does not exist. Files keep their holes. Raises OSError.
    """
    target.mkdir(mode=0o700, exist_ok=True)
    with os.scandir(source) as found:
        for entry in found:
            copied = target / entry.name
            if entry.is_symlink():
                copied.symlink_to(os.readlink(entry.path))
            elif entry.is_dir():
                copy_folder(Path(entry.path), copied, has_lock=False)
                shutil.copystat(entry.path, copied)
            elif entry.is_file() and not (has_lock and entry.name == _LOCK):
                copy_file(Path(entry.path), copied)


def empty_folder(folder: Path, has_lock: bool = True) -> None:
    """Removes everything, except the core's lock if it `has_lock`. Raises OSError."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            elif not (has_lock and entry.name == _LOCK):
                os.unlink(entry.path)


def copy_file(source: Path, target: Path) -> None:
    """Copies a file with its mode and times; regions without data stay so. Raises OSError."""
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        os.ftruncate(writer.fileno(), size)
        for begin, end in _data_of(reader.fileno(), size):
            while begin < end:
                copied = _copy_some(reader.fileno(), writer.fileno(), begin, end)
                if copied == 0:
                    raise OSError(errno.EIO, "was shortened while it was copied", str(source))
                begin += copied
    shutil.copystat(source, target)


def _copy_some(source: int, target: int, begin: int, end: int) -> int:
    """Copies bytes from `begin` at most to `end`; returns their number."""
    try:
        # Shares the blocks where the file system can.
        return os.copy_file_range(source, target, end - begin, begin, begin)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    os.lseek(target, begin, os.SEEK_SET)
    return os.sendfile(target, source, begin, end - begin)


def _data_of(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """The regions with data, as their beginnings and ends."""
    end = 0
    while end < size:
        try:
            begin = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:
            return  # ENXIO: there is no data after this place
        end = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, end


def writable_images(block_devices: Any, folder: Path) -> list[Path]:
    """The files that a machine writes to, from QEMU's reply to query-block.

    Relative ones are below `folder`, where QEMU was started.
    """
    inserted = [each["inserted"] for each in block_devices if each.get("inserted")]
    names = [_file_name(each["image"]["filename"]) for each in inserted if not each["ro"]]
    return [Path(os.path.join(folder, name)) for name in names]


def _file_name(image: str) -> str:
    """The file of an image; QEMU describes one with options as `json:{...}`."""
    if not image.startswith("json:"):
        return image
    described = json.loads(image.removeprefix("json:"))
    while isinstance(described.get("file"), dict):
        described = described["file"]
    return str(described.get("filename", image))
