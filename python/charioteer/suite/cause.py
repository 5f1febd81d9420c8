"""Why a run failed: the first screen of the cause, which is at the end of its log."""

import os
from pathlib import Path

from charioteer.style import one_line

LOG = "log.txt"
"""The log of a run, in its folder."""
_HEAD = "why the test failed:"
_TRACEBACK = "Traceback (most recent call last):"
_PREFIX = "!!! "
_ANNOTATION = "::error "
_MOST_LINES = 25
_MOST_BYTES = 256 << 10


def excerpt(folder: Path) -> list[str]:
    """The cause that the driver has logged, else the last lines of the log; at most 25 lines.

    They begin with the last traceback: the driver logs no cause of a mistake in the script itself.
    """
    lines = _last_lines(folder)
    heads = [number for number, line in enumerate(lines) if line.endswith(_HEAD)]
    if heads:
        cause = [line.removeprefix(_PREFIX) for line in lines[heads[-1] :] if line.startswith("!")]
        return cause[:_MOST_LINES]
    begins = [number for number, line in enumerate(lines) if line.endswith(_TRACEBACK)]
    return lines[begins[-1] if begins else 0 :][-_MOST_LINES:]


def annotations(folder: Path) -> list[str]:
    """The annotations for GitHub Actions, which the run has written into its log."""
    return [line for line in _last_lines(folder) if line.startswith(_ANNOTATION)]


def _last_lines(folder: Path) -> list[str]:
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _MOST_BYTES, 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [one_line(line.rstrip("\r")) for line in text.split("\n") if line.strip()]
