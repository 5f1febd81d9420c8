"""Findings: what may be the cause of a failure, and which of them is the likeliest."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from charioteer.testing.diagnosis.request import Request


class Severity(StrEnum):
    """How much a finding explains."""

    FATAL = "fatal"
    """Something cannot work."""
    ODD = "odd"
    """It is unusual, and may be the cause."""
    NOTE = "note"
    """It is good to know, but no cause by itself."""


@dataclass(frozen=True)
class Finding:
    """One possible cause."""

    text: str
    """What was found, without the name of the machine."""
    severity: Severity
    source: str
    """The field of knowledge, or the name of the guest's collector."""
    machine: str = ""
    """Empty for the host, and for findings that concern several machines."""
    evidence: tuple[str, ...] = ()
    """Lines of logs or commands that show it, the most telling first."""
    about: frozenset[str] = frozenset()
    """The units, ports, files and hosts that it concerns."""
    age: float | None = None
    """Seconds since it happened; None for what lasts."""


@dataclass(frozen=True)
class Ranked:
    """A finding with its place among all."""

    finding: Finding
    score: float
    is_likely: bool
    """Whether the first screen shows it."""


MOST_SHOWN = 3
# Below the first by more than this, a finding is not shown with it.
_FAR_BELOW = 30.0
_LEAST_SHOWN = 35.0

_OF_SEVERITY = {Severity.FATAL: 40.0, Severity.ODD: 20.0, Severity.NOTE: -10.0}
_SAME_SUBJECT = 40.0
_SAME_WORD, _SAME_WORDS_AT_MOST = 5.0, 15.0
_SAME_MACHINE, _NO_MACHINE = 20.0, 8.0
_DURING_STEP, _LASTING, _OLD = 15.0, 10.0, -20.0
_LONG_AGO = 120.0
_SLACK = 3.0
_WORD = re.compile(r"[A-Za-z][\w.@-]{3,}")


def ranked(findings: Iterable[Finding], request: Request) -> list[Ranked]:
    """The findings, the likeliest first; of equal ones only the first.

    Of several with the same evidence the first screen shows only the likeliest.
    """
    scores: dict[Finding, float] = {}
    seen = set()
    for each in findings:
        if (each.machine, each.text) not in seen:
            seen.add((each.machine, each.text))
            scores[each] = score(each, request)
    ordered = sorted(scores, key=lambda each: -scores[each])
    best = scores[ordered[0]] if ordered else 0.0
    least = max(best - _FAR_BELOW, _LEAST_SHOWN)
    shown: list[Finding] = []
    for each in ordered:
        if len(shown) < MOST_SHOWN and scores[each] >= least and not _repeats(each, shown):
            shown.append(each)
    return [Ranked(each, scores[each], each in shown) for each in ordered]


def _repeats(finding: Finding, others: list[Finding]) -> bool:
    """Whether one of the others has the same evidence, and so explains the same."""
    return any(
        finding.machine == each.machine and set(finding.evidence) & set(each.evidence)
        for each in others
    )


def score(finding: Finding, request: Request) -> float:
    """How likely the finding is the cause; only the order of two scores means anything."""
    return (
        _OF_SEVERITY[finding.severity]
        + _by_machine(finding, request)
        + _by_subject(finding, request)
        + _by_time(finding, request)
    )


def _by_machine(finding: Finding, request: Request) -> float:
    if finding.machine and finding.machine == request.machine:
        return _SAME_MACHINE
    if not finding.machine or request.machine is None or finding.machine in request.subjects.hosts:
        return _NO_MACHINE
    return 0.0


def _by_subject(finding: Finding, request: Request) -> float:
    if finding.about & request.subjects.names():
        return _SAME_SUBJECT
    words = {each.lower() for each in _WORD.findall(" ".join([finding.text, *finding.evidence]))}
    return min(_SAME_WORD * len(words & request.words()), _SAME_WORDS_AT_MOST)


def _by_time(finding: Finding, request: Request) -> float:
    if finding.age is None:
        return _LASTING
    if finding.age <= request.elapsed + _SLACK:
        return _DURING_STEP
    return 0.0 if finding.age <= request.elapsed + _LONG_AGO else _OLD
