"""Findings of the programs that a guest brings for this: docs/diagnosis.md."""

import json
from collections.abc import Iterator
from typing import Any

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

_PREFIX = "collector "
_MOST = 50


def findings(case: Case) -> Iterator[Finding]:
    for answer in case.answers.values():
        for section in answer.sections:
            if section.startswith(_PREFIX):
                yield from _of_collector(answer, section)


def _of_collector(answer: Answer, section: str) -> Iterator[Finding]:
    name = section.removeprefix(_PREFIX)
    for line in answer.lines(section)[:_MOST]:
        try:
            yield _finding(answer, name, json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            yield Finding(
                f"the collector {name} printed a line that is no finding: {error}", Severity.NOTE,
                name, answer.machine, (line[:200],),
            )  # fmt: skip


def _finding(answer: Answer, name: str, fields: dict[str, Any]) -> Finding:
    """Raises ValueError, TypeError, KeyError and AttributeError for lines of another format."""
    age = fields.get("age")
    return Finding(
        str(fields["text"]),
        Severity(fields.get("severity", "odd")),
        name,
        answer.machine,
        tuple(str(each) for each in fields.get("evidence", ())),
        frozenset(str(each) for each in fields.get("about", ())),
        None if age is None else float(age),
    )
