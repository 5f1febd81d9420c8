"""One recorded run on disk: its calls, the files that they wrote on the host, and its checkpoints.

    record.json           what the run was, and what its checkpoints are valid for
    calls                 the calls to machines, one line of JSON each
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
from charioteer.testing.checkpoints import entries, stored, times
from charioteer.testing.checkpoints.entries import Entry

FORMAT = 2
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
    seed: int
    """Of its random decisions."""
    format: int = FORMAT

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises OSError or ValueError when `path` is no description of this format."""
        content = path.read_bytes()
        try:
            fields = json.loads(content)
            is_other = isinstance(fields, dict) and fields.get("format", FORMAT) != FORMAT
            made = None if is_other else stored.made(cls, fields)
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        if made is None:
            raise ValueError(f"{path} was written by another version of Charioteer")
        return made


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
    calls: int | None
    """The number of calls that began before it. None if no later run can resume at it."""
    recorded: int
    """The number of recorded calls then, some of which may have had no result."""
    sizes: Mapping[str, int] = field(repr=False)
    """The files of the checkpoint, by their paths in its folder, with their sizes in bytes."""
    folder: Path = field(compare=False)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """None for a folder without a complete checkpoint: one that is damaged, or not whole."""
        try:
            fields = json.loads((folder / _CHECKPOINT).read_text())
            made = stored.made(cls, {**fields, "folder": folder})
            whole = all((folder / path).stat().st_size == size for path, size in made.sizes.items())
        except (OSError, ValueError, TypeError):
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
        self.description = Description.read(folder / _RECORD)
        self._lock = threading.Lock()
        self._parsed: tuple[int, list[Entry]] = (0, [])
        """The size of the file of calls, and what it contains."""
        self._recorded = len(self.calls())
        self._files = len(list((folder / "files").iterdir()))
        """The number of files that calls have written."""

    @classmethod
    def create(cls, folder: Path, description: Description) -> Self:
        """Fills the empty `folder`, which other users cannot read: guests' memory holds secrets."""
        folder.chmod(0o700)
        for name in ("files", "checkpoints"):
            (folder / name).mkdir()
        (folder / "calls").touch()
        (folder / _RECORD).write_text(json.dumps(asdict(description)))
        return cls(folder)

    # Reading

    def calls(self) -> list[Entry]:
        """The recorded calls, in the order in which they returned."""
        size, found = self._parsed
        file = self.folder / "calls"
        # Decoding takes long for large outputs; the file only grows.
        if file.stat().st_size != size:
            content = file.read_bytes()
            found = entries.parse(content.decode(errors="surrogateescape").splitlines())
            self._parsed = (len(content), found)
        return list(found)

    def file(self, name: str) -> Path:
        """The file that `keep_file` has stored."""
        return self.folder / "files" / name

    def checkpoints(self) -> list[Checkpoint]:
        """The complete checkpoints, in their order."""
        found = (self.folder / "checkpoints").iterdir()
        read = [Checkpoint.read(each) for each in found if each.suffix != PARTIAL]
        return sorted((e for e in read if e is not None), key=lambda each: each.number)

    def resumable(self) -> list[Checkpoint]:
        """The checkpoints at which a later run can resume."""
        recorded = len(self.calls())
        return [e for e in self.checkpoints() if e.calls is not None and e.recorded <= recorded]

    # Writing

    def add_call(self, entry: Entry) -> None:
        """Appends a call. Raises OSError."""
        with self._lock, (self.folder / "calls").open("a") as file:
            file.write(entry.to_json() + "\n")
            self._recorded += 1

    def keep_file(self, path: Path) -> str:
        """Stores a copy of the file or folder, and returns its name. Raises OSError."""
        with self._lock:
            name = str(self._files)
            self._files += 1
        copy(path, self.file(name))
        return name

    @contextmanager
    def new_checkpoint(
        self, name: str, line: int | None, calls: int | None
    ) -> Generator[Path, None, None]:
        """The folder of a new checkpoint, which exists after the block unless that raises."""
        number = 1 + max((each.number for each in self.checkpoints()), default=0)
        final = self.folder / "checkpoints" / f"{number:03d}"
        partial = final.with_name(final.name + PARTIAL)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        try:
            yield partial
            made = Checkpoint(
                name, number, line, time.time(), calls, self._recorded, sizes(partial), final
            )
            fields = asdict(made)
            del fields["folder"]
            (partial / _CHECKPOINT).write_text(json.dumps(fields))
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def continue_from(self, other: "Record", checkpoint: Checkpoint, moved_by: float) -> None:
        """Takes over what `other` has recorded up to `checkpoint`; files are shared by links.

        `moved_by`: the seconds by which the times of commands were later for the script.
        """
        for entry in other.calls():
            if entry.number < (checkpoint.calls or 0):
                self.add_call(times.moved(entry, moved_by))
        for source in (other.folder / "files").iterdir():
            _link(source, self.folder / "files" / source.name)
        for each in other.checkpoints():
            if each.number <= checkpoint.number:
                _link(each.folder, self.folder / "checkpoints" / each.folder.name)
        self._files = len(list((self.folder / "files").iterdir()))


def copy(source: Path, target: Path) -> None:
    """Copies a file or folder. Links stay links; sockets and pipes are left out. Raises OSError."""
    if source.is_symlink() or not source.is_dir():
        target.unlink(missing_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
        return
    target.mkdir(exist_ok=True)
    for each in source.iterdir():
        if each.is_symlink() or each.is_file() or each.is_dir():
            copy(each, target / each.name)
    shutil.copystat(source, target)


def reason_of(error: OSError, folder: Path) -> str:
    """What failed and why; `folder` when the error does not name a file."""
    return f"{error.filename or folder}: {error.strerror or error}"


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


def occupied(folder: Path, counted: set[tuple[int, int]] | None = None) -> int:
    """Bytes that the files below `folder` use on the disk; regions without data do not count.

    Files that are in `counted`, by device and number, do not count either; the others are added to it.
    """
    counted = set() if counted is None else counted
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(directory, name))
            except FileNotFoundError:
                continue  # another process removes it
            if (status.st_dev, status.st_ino) not in counted:
                counted.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total
