"""The names that every test script finds."""

import re
from collections.abc import Iterable


def pythonized(name: str) -> str:
    """`name` as an identifier: other characters become underscores."""
    return re.sub(r"^[^A-Za-z_]|[^A-Za-z0-9_]", "_", name)


def banner(machines: Iterable[str], vlans: Iterable[str], general: Iterable[str]) -> str:
    """The lines that list the names for the author of a test."""
    return (
        "additionally exposed symbols:\n"
        f"    {', '.join(machines)},\n    {', '.join(vlans)},\n    {', '.join(general)}"
    )
