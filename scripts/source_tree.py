"""The tracked files of the work tree, of which packages are made; used by the programs of this folder."""

import os
import subprocess
from pathlib import Path

from steps import ROOT


class SourceError(Exception):
    """The files cannot be taken; the text is one line, with the reason."""


def _output(command: list[str], text: bytes = b"") -> bytes:
    done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True)
    if done.returncode != 0:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        status = f"exit status {done.returncode}"
        raise SourceError(f"{' '.join(command[:2])} failed: {reason or status}")
    return done.stdout


def commit_time() -> int:
    """The time of the last commit, in seconds since the epoch. Raises SourceError."""
    return int(_output(["git", "log", "-1", "--format=%ct"]))


def archive(path: Path, prefix: str) -> None:
    """Writes the tar archive `path`, compressed by gzip, with all files below the folder `prefix`.

    They are as in the work tree; untracked files are not included. The repository is only read, so that
    this works in one that is read-only, or belongs to another user. Raises SourceError.
    """
    tracked = _output(["git", "ls-files", "-z"]).split(b"\0")
    # Without files that were removed from the work tree only.
    names = [
        name for name in tracked if name and os.path.lexists(os.path.join(os.fsencode(ROOT), name))
    ]
    options = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"]
    options += [
        f"--mtime=@{commit_time()}",
        "--no-recursion",
        f"--transform=flags=rh;s|^|{prefix}/|",
    ]
    create = ["tar", "--create", "--gzip", f"--file={path}", *options]
    _output([*create, "--null", "--verbatim-files-from", "--files-from=-"], b"\0".join(names))


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks an archive into the new `folder`, without the folder that has all its files.

    Raises SourceError, OSError.
    """
    folder.mkdir(parents=True)
    _output(
        ["tar", "--extract", f"--file={archive}", f"--directory={folder}", "--strip-components=1"]
    )
