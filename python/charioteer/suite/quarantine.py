"""The quarantine list: tests whose failures do not count, each until a date.

    [[quarantine]]
    test = "tests/cluster/failover"
    reason = "fails once in ten runs, issue 123"
    until = 2027-01-31
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from charioteer.errors import InputError
from charioteer.images.schema import Table


@dataclass(frozen=True)
class Quarantined:
    """Why failures of a test do not count, and the last day on which that is so."""

    reason: str
    until: date


def load(file: Path, today: date) -> dict[str, Quarantined]:
    """The list in `file`, by the names of tests.

    Raises InputError for an invalid file, and with one line for each entry that has expired.
    """
    table = Table.load(file)
    found: dict[str, Quarantined] = {}
    expired = []
    for entry in table.tables("quarantine"):
        test, reason, until = entry.string("test"), entry.string("reason"), entry.date("until")
        entry.finish()
        if not reason.strip():
            entry.fail("reason", "why the test may fail")
        if test in found:
            entry.fail("test", f"each test once, got {test!r} again")
        found[test] = Quarantined(reason, until)
        if until < today:
            expired.append(
                f"{file}: the quarantine of {test} has expired on {until}: mend the test, or set a"
                " later date"
            )
    table.finish()
    if expired:
        raise InputError("\n".join(expired))
    return found
