"""The last frames of all VLANs of a run, which are written when its script fails."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from charioteer.testing.capture import create
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.vlan import VLan

_ABOUT = "the last frames of vlan"
"""How the comment begins that marks a file as made by an earlier failure."""
_HEAD = 256
"""The bytes of a file in which its comment is."""


class RunCaptures:
    """Keeps the last frames of the VLANs that are added while `is_on`."""

    def __init__(self, out_dir: Path, logger: AbstractLogger) -> None:
        """`out_dir`: for the files."""
        self.is_on = False
        self.written: list[Path] = []
        """The files of this run."""
        self._out_dir = out_dir
        self._logger = logger
        self._vlans: list[VLan] = []

    def add(self, vlan: VLan) -> None:
        """From now on, the frames of this VLAN are kept."""
        vlan.out_dir = self._out_dir
        if self.is_on:
            vlan.handle.keep_frames()
            self._vlans.append(vlan)

    def remove_earlier(self, numbers: Iterable[int]) -> None:
        """Removes the files of an earlier run, which would be taken for those of this one."""
        for number in numbers:
            path = self._path(number)
            try:
                if _is_of_failure(path):
                    path.unlink()
            except OSError as error:
                self._logger.warning(f"cannot remove {path}: {error.strerror}")

    @contextmanager
    def kept_on_failure(self) -> Generator[None, None, None]:
        """Writes the files if the block fails or is interrupted."""
        try:
            yield
        except BaseException as error:
            if not isinstance(error, SystemExit) or error.code not in (None, 0):
                self._write()
            raise

    def _write(self) -> None:
        for vlan in self._vlans:
            path = self._path(vlan.nr)
            try:
                if vlan.counters()["received"] > 0:
                    self._write_one(vlan, path)
            except (OSError, MachineError) as error:
                self._logger.warning(f"cannot write {path}: {error}")

    def _write_one(self, vlan: VLan, path: Path) -> None:
        if path.exists() and not _is_of_failure(path):
            # It may be the only copy of something.
            self._logger.warning(f"{path} exists, so the last frames of vlan{vlan.nr} are lost")
            return
        with self._logger.unlogged_step(f"writing the last frames of vlan{vlan.nr}"):
            self._logger.describe_step({"file": str(path)})
            comment = f"{_ABOUT}{vlan.nr} before the test failed"
            vlan.handle.write_last_frames(create(path), comment)
        self.written.append(path)
        self._logger.info(f"the last frames of vlan{vlan.nr} are in {path}")

    def _path(self, number: int) -> Path:
        return self._out_dir / f"vlan{number}.pcapng"


def _is_of_failure(path: Path) -> bool:
    """Whether the file was made by a failure. Raises OSError."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _ABOUT.encode() in file.read(_HEAD)
