"""One recorded run on disk: its calls, the files that they wrote on the host, and its checkpoints.

    record.json           what the run was, and what its checkpoints are valid for
    calls/MACHINE         the calls to a machine, one line of JSON each
    files/N               what calls wrote on the host
    checkpoints/NN        a checkpoint; see `Checkpoint` and `team`
"""

import json
import os
import shutil
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from charioteer.folders import PARTIAL
from charioteer.testing.checkpoints import entries
from charioteer.testing.checkpoints.entries import Entry

FORMAT = 1
"""Of everything that is stored; another one is never read."""

_RECORD = "record.json"
_CHECKPOINT = "checkpoint.json"


@dataclass(frozen=True)
class Description:
    """What a recorded run was."""

    label: str
    """The name of the test; empty if it has none."""
    begin: float
    """When it began, in seconds since 1970."""
    script: str
    """The path of the test script."""
    team: Mapping[str, Any]
    """What its checkpoints are valid for; see `identity`."""
    kept: bool = True
    """Whether another run may resume it; else its checkpoints are for the run itself."""
    format: int = FORMAT


@dataclass(frozen=True)
class Checkpoint:
    """A state of all machines, at one place of the recorded script."""

    name: str
    number: int
    """Its place among those of the run."""
    line: int | None
    """The line of the script that saved it."""
    time: float
    """When the machines were saved, in seconds since 1970."""
    calls: Mapping[str, int] | None
    """By machine: the calls that were made before it. None if no later run can resume at it."""
    sizes: Mapping[str, int] = field(repr=False)
    """The files of the checkpoint, by their paths in its folder, with their sizes in bytes."""
    folder: Path = field(compare=False)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """None for a folder without a complete checkpoint: one that is damaged, or not whole."""
        try:
            fields = json.loads((folder / _CHECKPOINT).read_text())
            made = cls(**fields, folder=folder)
            whole = all((folder / path).stat().st_size == size for path, size in made.sizes.items())
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        return made if whole else None

    def occupied(self) -> int:
        """Bytes on the disk."""
        return occupied(self.folder)


class Record:
    """A recorded run. Writing is thread-safe; one process writes."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError when there is no record of this format in `folder`."""
        self.folder = folder
        try:
            fields = json.loads((folder / _RECORD).read_text())
            if fields["format"] != FORMAT:
                raise ValueError(f"{folder} was written by another version of Charioteer")
            self.description = Description(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder / _RECORD} is damaged") from error
        self._lock = threading.Lock()
        self._files = len(list((folder / "files").iterdir()))
        """The number of files that calls have written."""

    @classmethod
    def create(cls, folder: Path, description: Description) -> Self:
        """Makes `folder`, which other users cannot read: the memory of guests holds secrets."""
        partial = folder.with_name(folder.name + PARTIAL)
        partial.mkdir(mode=0o700, parents=True)
        for name in ("calls", "files", "checkpoints"):
            (partial / name).mkdir()
        (partial / _RECORD).write_text(json.dumps(asdict(description)))
        partial.rename(folder)
        return cls(folder)

    # Reading

    def machines(self) -> list[str]:
        """The names of the machines with recorded calls."""
        return sorted(path.name for path in (self.folder / "calls").iterdir())

    def calls(self, machine: str) -> list[Entry]:
        """The recorded calls of a machine, in their order; empty if there is none."""
        file = self.folder / "calls" / machine
        return entries.read(file) if file.exists() else []

    def file(self, name: str) -> Path:
        """The file that `keep_file` has stored."""
        return self.folder / "files" / name

    def checkpoints(self) -> list[Checkpoint]:
        """The complete checkpoints, in their order."""
        folders = sorted((self.folder / "checkpoints").iterdir())
        read = (Checkpoint.read(each) for each in folders if each.suffix != PARTIAL)
        return [each for each in read if each is not None]

    # Writing

    def add_call(self, machine: str, entry: Entry) -> None:
        """Appends a call. Raises OSError."""
        with self._lock, (self.folder / "calls" / machine).open("a") as file:
            file.write(entry.to_json() + "\n")

    def keep_file(self, path: Path) -> str:
        """Stores a copy of the file or folder, and returns its name. Raises OSError."""
        with self._lock:
            name = str(self._files)
            self._files += 1
        copy(path, self.file(name))
        return name

    @contextmanager
    def new_checkpoint(
        self, name: str, line: int | None, calls: Mapping[str, int] | None
    ) -> Generator[Path, None, None]:
        """The folder of a new checkpoint, which exists after the block unless that raises."""
        number = 1 + max((each.number for each in self.checkpoints()), default=0)
        final = self.folder / "checkpoints" / f"{number:03d}"
        partial = final.with_name(final.name + PARTIAL)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        try:
            yield partial
            made = Checkpoint(name, number, line, time.time(), calls, sizes(partial), final)
            fields = asdict(made)
            del fields["folder"]
            (partial / _CHECKPOINT).write_text(json.dumps(fields))
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def continue_from(self, other: "Record", checkpoint: Checkpoint) -> None:
        """Takes over what `other` has recorded up to `checkpoint`; files are shared by links."""
        for machine, count in (checkpoint.calls or {}).items():
            for entry in other.calls(machine)[:count]:
                self.add_call(machine, entry)
        for part in ("files", "checkpoints"):
            for source in (other.folder / part).iterdir():
                if part == "files" or source.name <= checkpoint.folder.name:
                    _link(source, self.folder / part / source.name)
        self._files = len(list((self.folder / "files").iterdir()))


def copy(source: Path, target: Path) -> None:
    """Copies a file or folder. Raises OSError."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _link(source: Path, target: Path) -> None:
    """Makes `target` the same file, or a folder of the same files."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    else:
        os.link(source, target)


def sizes(folder: Path) -> dict[str, int]:
    """The sizes of all files below `folder`, by their paths in it."""
    found = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink():
                found[str(path.relative_to(folder))] = path.stat().st_size
    return found


def occupied(folder: Path) -> int:
    """Bytes that the files below `folder` use on the disk; those without data do not count."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(directory, name)).st_blocks * 512
    return total
