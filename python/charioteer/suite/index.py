"""The page of a suite: one file, which links to the pages of the runs."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from charioteer.style import duration
from charioteer.suite.outcome import Outcome
from charioteer.suite.results import Attempt, SuiteResult, TestResult

FILE_NAME = "index.html"
_PAGE = Path(__file__).parent / "page.html"
_ORDER = [Outcome.FAILED, Outcome.INFRASTRUCTURE, Outcome.FLAKY, Outcome.PASSED]


class _Html(str):
    """What is part of the page as it is; every other text is escaped."""


def text_of(result: SuiteResult) -> str:
    """The page, with failures first."""
    tests = sorted(result.tests, key=lambda each: _ORDER.index(each.outcome))
    rows = [_row(each) for each in tests]
    rows += [_filled(_NOT_RUN, test=name) for name in result.not_run]
    return _filled(
        _PAGE.read_text(encoding="utf-8"),
        count=len(tests),
        heading=_heading(tests),
        facts=", ".join(_facts(result)),
        problems=_joined(_filled(_PROBLEM, problem=each) for each in result.problems),
        rows=_joined(rows),
    )


def _filled(template: str, **values: object) -> _Html:
    """`template` with `values`, which are escaped unless they are _Html."""
    texts = {
        name: value if isinstance(value, _Html) else escape(str(value))
        for name, value in values.items()
    }
    return _Html(Template(template).substitute(texts))


def _joined(parts: Iterable[_Html], separator: str = "\n") -> _Html:
    return _Html(separator.join(parts))


def _heading(tests: list[TestResult]) -> _Html:
    counts = {each: sum(test.outcome is each for test in tests) for each in _ORDER}
    parts = [
        _filled('<span class="$name">$count $name</span>', name=name, count=count)
        for name, count in counts.items()
        if count
    ]
    return _joined(parts, ", ") or _Html("no results")


def _facts(result: SuiteResult) -> Iterable[str]:
    yield datetime.fromisoformat(result.begin).strftime("%Y-%m-%d %H:%M:%S %Z")
    yield duration(result.seconds)
    if result.shard:
        yield f"shard {result.shard.index} of {result.shard.count}"
    if not result.complete:
        yield "ended before all tests had run"


_PROBLEM = '<p class="infrastructure">$problem</p>'
_NOT_RUN = '<tr><td class="muted">not run</td><td>$test</td><td></td><td></td></tr>'
_ROW = """\
<tr>
<td class="$outcome">$outcome</td>
<td>$test$quarantine
$attempts</td>
<td class="number">$time</td>
<td class="number">$memory</td>
</tr>"""
_QUARANTINE = """
<br><span class="muted">quarantined until $until: $reason</span>"""
_REPORT = '<a href="$address">report</a>'
_FILES = '<a href="$address/">files</a>'
_REASON = '<span class="muted">$reason</span>'
_CAUSE = "<details$open><summary>cause</summary><pre>$cause</pre></details>"


def _row(test: TestResult) -> _Html:
    listed = test.quarantined
    memory = test.attempts[-1].memory
    attempts = [_attempt(each, is_open=False) for each in test.attempts[:-1]]
    attempts.append(_attempt(test.attempts[-1], is_open=test.outcome is not Outcome.FLAKY))
    return _filled(
        _ROW,
        outcome=test.outcome,
        test=f"{test.test} [{test.repetition}]" if test.repetition > 1 else test.test,
        quarantine=_filled(_QUARANTINE, until=listed.until, reason=listed.reason) if listed else "",
        attempts=_joined(attempts),
        time=duration(test.seconds),
        memory="" if memory is None else f"{memory} MB",
    )


def _attempt(attempt: Attempt, is_open: bool) -> _Html:
    """A line with its files, reason and cause, which is shown at once if `is_open`."""
    parts = []
    if attempt.report:
        parts.append(_filled(_REPORT, address=quote(attempt.report)))
    elif attempt.output:
        parts.append(_filled(_FILES, address=quote(attempt.output)))
    if attempt.reason:
        parts.append(_filled(_REASON, reason=attempt.reason))
    if attempt.cause:
        opened = " open" if is_open else ""
        parts.append(_filled(_CAUSE, open=opened, cause="\n".join(attempt.cause)))
    return _Html("<br>" + _joined(parts))
