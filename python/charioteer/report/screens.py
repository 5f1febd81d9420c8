"""Pictures of screens, for those who watch a run: what the server of the page and the run share.

Both have only the output directory in common. The run makes a folder there and removes it at its end. The
server marks the folder while pages ask for pictures, and the run writes pictures into it as long as the mark
is new. Without a page that asks, none are taken.
"""

import os
import shutil
import time
from pathlib import Path

FOLDER = ".screens"
_MARK = "wanted"
_WANTED_FOR = 8.0
"""Seconds after a page has asked."""


def offer(run: Path) -> None:
    """Makes the folder, without pictures of an earlier run. Raises OSError."""
    withdraw(run)
    (run / FOLDER).mkdir(mode=0o700)


def withdraw(run: Path) -> None:
    """Removes the folder with its pictures."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)


def want(run: Path) -> None:
    """Marks that a page asks for pictures, unless the run offers none. Raises OSError."""
    try:
        # The folder is not made: nothing would remove it after the end of the run.
        (run / FOLDER / _MARK).touch(mode=0o600)
    except FileNotFoundError:
        pass


def are_wanted(run: Path) -> bool:
    """Whether a page has asked for pictures in the last seconds."""
    try:
        asked_at = (run / FOLDER / _MARK).stat().st_mtime
    except OSError:
        return False
    return abs(time.time() - asked_at) < _WANTED_FOR


def path_of(run: Path, machine: str) -> Path:
    """Where the picture of a machine's screen is."""
    return run / FOLDER / f"{machine}.png"


def versions(run: Path) -> dict[str, int]:
    """The machines of which there are pictures, each with a number that changes with the picture."""
    found = {}
    try:
        for entry in os.scandir(run / FOLDER):
            if entry.name.endswith(".png"):
                found[entry.name.removesuffix(".png")] = entry.stat().st_mtime_ns
    except OSError:
        pass  # it was removed at the end of the run
    return found
