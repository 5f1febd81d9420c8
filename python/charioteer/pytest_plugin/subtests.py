"""Reports of the subtests of a test script, each as if it were a test."""

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import pytest

FILE_NAME = "cluster.toml"
_ATTRIBUTE = "charioteer_subtests"
"""Of the report of an item in a worker of pytest-xdist."""


@dataclass(frozen=True)
class Subtest:
    """A subtest that has ended. `duration` is in seconds; `error` is empty if it has passed."""

    name: str
    duration: float
    error: str


_PENDING = pytest.StashKey[list[Subtest]]()


def report_subtest(item: pytest.Item, subtest: Subtest) -> None:
    """Reports a subtest of `item` now; in a worker of pytest-xdist, at the end of the item.

    A worker may report only items.
    """
    if hasattr(item.config, "workerinput"):
        pending: list[Subtest] = item.stash.setdefault(_PENDING, [])
        pending.append(subtest)
        return
    item.session.testscollected += 1  # for the percentage that is shown
    report = _report_of(subtest, item.nodeid, item.location)
    capture = item.config.pluginmanager.get_plugin("capturemanager")
    # The output of tests is being captured, and reports would be taken for it.
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        item.ihook.pytest_runtest_logreport(report=report)


def attach_pending(item: pytest.Item, report: pytest.TestReport) -> None:
    """Attaches the subtests that are not reported yet to the report of the item."""
    if pending := item.stash.get(_PENDING, None):
        setattr(report, _ATTRIBUTE, [asdict(each) for each in pending])


class Forwarder:
    """A plugin that reports the subtests of items that ran in workers of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(self._config, "workerinput"):
            return
        if isinstance(report.longrepr, str) and f"{FILE_NAME}::" in str(report.nodeid):
            longrepr: Any = Text(report.longrepr)  # as it was in the worker
            report.longrepr = longrepr
        for each in getattr(report, _ATTRIBUTE, ()):
            subtest = _report_of(Subtest(**each), report.nodeid, report.location)
            self._config.hook.pytest_runtest_logreport(report=subtest)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Keeps the names of subtests from `--lf`, which can only choose items."""
        # The keys are strings before pytest 9.
        failures = getattr(self._config.pluginmanager.get_plugin("lfplugin"), "lastfailed", {})
        for nodeid in [each for each in failures if _is_of_subtest(str(each))]:
            del failures[nodeid]


def _is_of_subtest(nodeid: str) -> bool:
    file, *names = nodeid.split("::")
    return file.endswith(FILE_NAME) and len(names) > 1


def _report_of(subtest: Subtest, nodeid: str, location: Any) -> pytest.TestReport:
    file, line, _ = location
    longrepr: Any = Text(subtest.error) if subtest.error else None
    return pytest.TestReport(
        nodeid=f"{nodeid}::{subtest.name}",
        # The title of a failure. It must differ from the end of `nodeid`: pytest replaces dots there.
        location=(file, line, f"{nodeid.rpartition('::')[2]}: {subtest.name}"),
        keywords={},
        outcome="failed" if subtest.error else "passed",
        longrepr=longrepr,
        when="call",
        duration=subtest.duration,
    )


@dataclass(frozen=True)
class _Crash:
    """What pytest's summary shows of a failure."""

    message: str


class Text:
    """The text of a failure, whose first line is also shown in pytest's summary."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.reprcrash = _Crash(text.split("\n")[0])

    def __str__(self) -> str:
        return self._text

    def toterminal(self, writer: Any) -> None:
        """Called by pytest, which shows the text so."""
        writer.line(self._text)
