"""Why a run failed: the first screen of the cause, which is at the end of its log."""

import os
from pathlib import Path

from charioteer.style import one_line

LOG = "log.txt"
"""The log of a run, in its folder."""
_HEAD = "why the test failed:"
_TRACEBACK = "Traceback (most recent call last):"
# What Python prints between the tracebacks of an exception and of the one that it led to.
_LEADS_TO = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_PREFIX = "!!! "
_ANNOTATION = "::error "
_MOST_LINES = 25
_MOST_BYTES = 256 << 10


def excerpt(folder: Path) -> list[str]:
    """The cause that the driver has logged, else the last lines of the log; at most 25 lines.

    They begin with the last traceback, and those of the exceptions that led to it: the driver logs no
    cause of a mistake in the script itself.
    """
    lines = _last_lines(folder)
    heads = [number for number, line in enumerate(lines) if line.endswith(_HEAD)]
    if heads:
        cause = [line.removeprefix(_PREFIX) for line in lines[heads[-1] :] if line.startswith("!")]
        return cause[:_MOST_LINES]
    return lines[_begin_of_last_traceback(lines) :][-_MOST_LINES:]


def _begin_of_last_traceback(lines: list[str]) -> int:
    """The number of its first line, or of the first line of the exception that led to it; else 0."""
    # Lines of guests have the name of a machine before them.
    begins = [n for n, line in enumerate(lines) if line.removeprefix(_PREFIX) == _TRACEBACK]
    while len(begins) > 1 and lines[begins[-1] - 1].removeprefix(_PREFIX) in _LEADS_TO:
        begins.pop()
    return begins[-1] if begins else 0


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
