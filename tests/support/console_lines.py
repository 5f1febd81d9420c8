"""Logs of two runs, in which lines of consoles may come earlier or later."""

import re
from collections.abc import Iterable

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def by_source(lines: Iterable[str], machine: str) -> tuple[list[str], list[str]]:
    """The lines of the console of `machine`, and all others, each in their order."""
    console: list[str] = []
    others: list[str] = []
    for line in lines:
        is_console = _COLOURS.sub("", line).startswith(f"{machine} # ")
        (console if is_console else others).append(line)
    return console, others
