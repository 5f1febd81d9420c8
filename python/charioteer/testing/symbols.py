"""The names that are defined for every test script."""

import re
from collections.abc import Iterable


def pythonized(name: str) -> str:
    """`name` as an identifier: other characters become underscores."""
    return re.sub(r"^[^A-Za-z_]|[^A-Za-z0-9_]", "_", name)


def banner(machines: Iterable[str], vlans: Iterable[str], general: Iterable[str]) -> str:
    """The lines that list the names, printed at the start of a run."""
    return (
        "additionally exposed symbols:\n"
        f"    {', '.join(machines)},\n    {', '.join(vlans)},\n    {', '.join(general)}"
    )
