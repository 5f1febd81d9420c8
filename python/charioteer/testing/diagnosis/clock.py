"""Clocks of guests that differ from each other or from the host's, and that have jumped."""

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from statistics import median

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "clock"
_TOLERANCE = 30.0
_LARGE = 3600.0
_JUMP = re.compile(
    r"clock jumped|time jumped|time has been changed|system clock (?:time )?(?:was )?(?:changed|stepped)"
    r"|clocksource: .*(?:unstable|skew)", re.I
)  # fmt: skip
_OF_TIME = re.compile(
    r"certificate|not yet valid|expired|ssl|tls|clock|in the future|timestamp", re.I
)


def findings(case: Case) -> Iterator[Finding]:
    offsets = {
        each.machine: each.clock - (each.asked_at + each.took / 2)
        for each in case.answers.values()
        if each.clock is not None
    }
    common = median(offsets.values()) if offsets else 0.0
    for machine, offset in offsets.items():
        answer = case.answers[machine]
        # Guests of a checkpoint may all have the time at which it was saved.
        is_alone = len(offsets) > 1 and abs(offset - common) > _TOLERANCE
        if abs(offset) > _TOLERANCE and (is_alone or len(offsets) <= 2 or abs(offset) > _LARGE):
            yield _off(answer, offset, case)
    for answer in case.answers.values():
        for entry in [*answer.kernel, *answer.journal]:
            if _JUMP.search(entry.text):
                yield Finding(
                    "the clock has jumped", Severity.ODD, SOURCE, answer.machine, (entry.line(),),
                    age=entry.age,
                )  # fmt: skip


def _off(answer: Answer, offset: float, case: Case) -> Finding:
    request = case.request
    is_related = _OF_TIME.search(
        " ".join([request.error, request.command, *request.output_notes()])
    )
    severity = Severity.FATAL if is_related else Severity.ODD
    direction = "ahead of" if offset > 0 else "behind"
    assert answer.clock is not None
    shown = datetime.fromtimestamp(answer.clock, timezone.utc)
    return Finding(
        f"the clock is {_span(abs(offset))} {direction} the host's",
        severity, SOURCE, answer.machine, (f"its time is {shown:%Y-%m-%d %H:%M:%S} UTC",),
        request.subjects.names() if is_related else frozenset(),
    )  # fmt: skip


def _span(seconds: float) -> str:
    for name, size in (
        ("years", 365.25 * 86400),
        ("days", 86400),
        ("hours", 3600),
        ("minutes", 60),
    ):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"
