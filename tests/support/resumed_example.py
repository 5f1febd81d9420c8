"""Runs an example once, and resumes it at each of its checkpoints."""

import os
import shutil
from pathlib import Path

from charioteer import paths
from charioteer.testing.checkpoints.record import Record

from support.run import Run
from support.testbed import Testbed


# The last line of standard output of each run.
LAST_LINES = {"ping": "12 of 12 pings passed"}
# Machines boot in most of their subtests, so that a run that is resumed at each boots most often.
BOOT_IN_SUBTESTS = ["reboot", "remote-unlock", "screen"]


class ResumedExample:
    """One example in a test bed, with a store of checkpoints of its own."""

    def __init__(self, testbed: Testbed, name: str, last_line: str | None = None) -> None:
        """`last_line`: the expected last line of standard output of each run, by default that of LAST_LINES."""
        self._testbed = testbed
        self._folder = paths.examples() / name
        self._store = testbed.folder / "store"
        self._last_line = last_line or LAST_LINES.get(name)

    def run(self, *options: str, limit: float, path: str | None = None) -> Run:
        """A run that passes within `limit` seconds; `path` is its PATH."""
        run = self._testbed.run(
            "charioteer", "run", self._folder, "-o", self._testbed.out, *options,
            PATH=path or os.environ["PATH"], CHARIOTEER_CHECKPOINTS=str(self._store),
        )  # fmt: skip
        run.expect(0, limit=limit)
        if self._last_line is not None:
            assert run.stdout.splitlines()[-1] == self._last_line
        return run

    @property
    def saved(self) -> list[str]:
        """The names of the checkpoints."""
        (folder,) = self._store.glob("*/record.json")
        return [each.name for each in Record(folder.parent).resumable()]

    def resume_at_each(self, limit: float) -> None:
        """Resumes at each checkpoint, of which there is at least one, each time within `limit` seconds."""
        saved = self.saved
        assert saved
        for checkpoint in saved:
            self.resume(checkpoint, limit)

    def resume(self, checkpoint: str, limit: float) -> None:
        """Expects the verdict and the files of the recorded run, and no machine before `checkpoint`."""
        expected = _files_in(self._testbed.out)
        shutil.rmtree(self._testbed.out)
        run = self.run(f"--resume={checkpoint}", limit=limit)
        before, _, _ = run.stderr.partition(f"resumed at the checkpoint {checkpoint!r}")
        assert before != run.stderr, run.report()
        assert "connected to guest root shell" not in before
        assert _files_in(self._testbed.out) == expected


def _files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
