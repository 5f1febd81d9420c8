"""The names that are defined for every test script."""

import re
from collections.abc import Iterable

from charioteer.testing.logger import AbstractLogger


def pythonized(name: str) -> str:
    """`name` as an identifier: other characters become underscores."""
    return re.sub(r"^[^A-Za-z_]|[^A-Za-z0-9_]", "_", name)


def print_names(
    logger: AbstractLogger, machines: Iterable[str], vlans: Iterable[str], general: Iterable[str]
) -> None:
    """Prints the lines that list the names, at the start of a run, where `logger` shows them."""
    if logger.shows_names:
        lines = f"    {', '.join(machines)},\n    {', '.join(vlans)},\n    {', '.join(general)}"
        print(f"additionally exposed symbols:\n{lines}", flush=True)
