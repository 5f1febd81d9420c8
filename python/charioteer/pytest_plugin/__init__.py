"""The pytest plugin: cluster files as tests, and fixtures for machines (docs/pytest.md).

It is loaded by every run of pytest that finds it, so that it imports the driver only when it is used.
"""

import sys
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from charioteer.errors import InputError
from charioteer.pytest_plugin import settings, subtests

if TYPE_CHECKING:
    from charioteer.testing.cluster import Cluster

_SECTION = "Charioteer: what the machines report"
_ERROR = pytest.StashKey[BaseException | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    settings.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    from charioteer.pytest_plugin import fixtures, testinfra

    testinfra.register()
    config.pluginmanager.register(subtests.Forwarder(config), "charioteer-subtests")
    try:
        config.pluginmanager.register(fixtures.made_for(config), "charioteer-fixtures")
    except InputError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name != subtests.FILE_NAME:
        return None
    from charioteer.pytest_plugin.scripts import ClusterFile

    made: pytest.Collector = ClusterFile.from_parent(parent, path=file_path)
    return made


@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """Keeps the exception of the test for its report, and captures the end of the log with it."""
    failure = (yield).excinfo
    item.stash[_ERROR] = failure[1] if failure else None
    if failure:
        _hide_driver(failure[2])
    for cluster in _clusters_of(item):
        cluster.logger.reporter.flush()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Adds to the report of a failed test what its machines report."""
    report: pytest.TestReport = (yield).get_result()
    if report.when != "call":
        return
    subtests.attach_pending(item, report)
    error = item.stash.get(_ERROR, None)
    if error is None or not report.failed:
        return
    capture = item.config.pluginmanager.get_plugin("capturemanager")
    # Otherwise the log of the questions would be between pytest's own lines.
    with capture.item_capture("call", item) if capture else nullcontext():
        for cluster in _clusters_of(item):
            if lines := cluster.diagnose(error):
                report.sections.append((_SECTION, "\n".join(lines)))


def _hide_driver(trace: TracebackType | None) -> None:
    """Without --full-trace, pytest shows only the lines of tests and not those of the driver."""
    while trace is not None:
        names = trace.tb_frame.f_globals
        if str(names.get("__name__", "")).startswith("charioteer.testing."):
            names["__tracebackhide__"] = True
        trace = trace.tb_next


def _clusters_of(item: pytest.Item) -> "list[Cluster]":
    """The open clusters among the fixtures of a test."""
    module = sys.modules.get("charioteer.testing.cluster")
    if module is None:
        return []
    used = getattr(item, "funcargs", {}).values()
    return [each for each in used if isinstance(each, module.Cluster) and each.is_open]
