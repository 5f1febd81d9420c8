"""The summary of a suite, as lines of text."""

import os
from collections.abc import Iterator
from pathlib import Path

from charioteer.style import Style, duration
from charioteer.suite.outcome import Outcome
from charioteer.suite.results import SuiteResult, TestResult

_ROLES = {
    Outcome.PASSED: "good",
    Outcome.FLAKY: "warning",
    Outcome.FAILED: "bad",
    Outcome.INFRASTRUCTURE: "warning",
}


def label(test: str, repetition: int) -> str:
    """The name of a test in messages, with the number of a repetition after the first."""
    return test if repetition == 1 else f"{test} [{repetition}]"


def lines_of(result: SuiteResult, folder: Path, style: Style) -> Iterator[str]:
    """Causes of failures, counts, and the names of tests that did not simply pass.

    `folder`: where the files of the suite are.
    """
    for each in (*result.of(Outcome.FAILED), *result.of(Outcome.INFRASTRUCTURE)):
        yield from _cause(each, folder, style)
    yield ""
    count = len(result.tests)
    parts = [
        style.paint(f"{number} {each.value}", _ROLES[each])
        for each in Outcome
        if (number := sum(test.outcome is each for test in result.tests))
    ]
    if result.not_run:
        parts.append(f"{len(result.not_run)} not run")
    tests = f"{count} {'test' if count == 1 else 'tests'} in {duration(result.seconds)}"
    yield f"{tests}: {', '.join(parts) or 'no results'}"
    yield from _named(result)


def _cause(test: TestResult, folder: Path, style: Style) -> Iterator[str]:
    last = test.attempts[-1]
    yield ""
    head = f"{label(test.test, test.repetition)}: {last.reason}"
    yield style.paint(head, _ROLES[test.outcome])
    yield from (f"  {line}" for line in last.cause)
    if last.output:
        yield f"  files: {os.path.normpath(folder / last.output)}"


def _named(result: SuiteResult) -> Iterator[str]:
    for each in result.of(Outcome.FLAKY):
        passed = len(each.attempts)
        yield f"  flaky: {label(each.test, each.repetition)} passed at attempt {passed}"
    for outcome in (Outcome.FAILED, Outcome.INFRASTRUCTURE):
        for each in result.of(outcome):
            yield f"  {outcome}: {label(each.test, each.repetition)}"
        for each in result.of(outcome, counting=False):
            assert each.quarantined is not None
            until = f"until {each.quarantined.until}: {each.quarantined.reason}"
            name = label(each.test, each.repetition)
            yield f"  {outcome}, which does not count: {name} is quarantined {until}"
    yield from (f"  not run: {name}" for name in result.not_run)
    yield from (f"  {problem}" for problem in result.problems)
