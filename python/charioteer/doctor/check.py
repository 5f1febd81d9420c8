"""The result of one check."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check has ended."""

    OK = "ok"
    LIMITED = "limited"
    """Tests run, but slower, or not all of them."""
    MISSING = "missing"
    """No machine can run, or no guest can be built."""


@dataclass(frozen=True)
class Check:
    """What was found. All texts are one line; `cure` is empty if the status is OK."""

    name: str
    status: Status
    found: str
    cure: str = ""


def limited(name: str, found: str, cure: str) -> Check:
    return Check(name, Status.LIMITED, found, cure)


def missing(name: str, found: str, cure: str) -> Check:
    return Check(name, Status.MISSING, found, cure)


def passed(name: str, found: str) -> Check:
    return Check(name, Status.OK, found)
