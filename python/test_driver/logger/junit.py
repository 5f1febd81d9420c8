"""The outcome as a JUnit report: one case for each subtest, and `main` for the rest."""

import atexit
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charioteer import _core as core
from test_driver.logger.base import AbstractLogger, Attributes
from test_driver.text import xml_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SUITE = "NixOS integration test"
MAIN = "main"


class _Case:
    """What was told while one subtest ran."""

    def __init__(self) -> None:
        self.output: list[str] = []
        self.errors: list[str] = []
        self.failed = False
        self.seconds = 0.0


class JunitXMLLogger(AbstractLogger):
    """Collects, and writes the report when it is closed, at the latest at the exit of the program.

    A subtest that raises stays the current one: what comes after it explains its failure.
    """

    def __init__(self, outfile: Path) -> None:
        """`outfile`: the report; its folder is made."""
        self.reporter = core.Reporter(terminal=False, queue=True)
        self._lock = threading.RLock()
        self._outfile = outfile
        self._begin = time.monotonic()
        self._main = _Case()
        self._subtests: dict[str, _Case] = {}
        # Subtests that have not ended well, each with the thread that began it.
        self._open: list[tuple[int, _Case]] = []
        atexit.register(self.close)

    def log(self, message: str, attributes: Attributes = {}) -> None:
        with self._lock:
            self._current.output.append(message)

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Iterator[None]:
        self.log(message, attributes)
        yield

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Iterator[None]:
        thread, begin = threading.get_ident(), time.monotonic()
        with self._lock:
            case = self._subtests.setdefault(name, _Case())
            mine = (thread, case)
            self._open.append(mine)
            self.log(f"subtest: {name}", attributes)
        try:
            yield
        finally:
            case.seconds += time.monotonic() - begin
        with self._lock:
            self._end(mine)

    def _end(self, ended: tuple[int, _Case]) -> None:
        """Takes a subtest from the open ones, with those that its thread began in it."""
        begin = next((i for i, each in enumerate(self._open) if each is ended), None)
        if begin is None:
            return
        inner = [each for each in self._open[begin:] if each[0] != ended[0]]
        self._open[begin:] = inner

    @property
    def _current(self) -> _Case:
        return self._open[-1][1] if self._open else self._main

    def error(self, *args: Any, **kwargs: Any) -> None:
        self._fail(*args, **kwargs)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._fail(*args, **kwargs)

    def _fail(self, message: str, attributes: Attributes = {}) -> None:
        with self._lock:
            self._current.errors.append(message)
            self._current.failed = True

    def run_failed(self, reason: str) -> None:
        # A case that failed says more.
        if not any(case.failed for case in (self._main, *self._subtests.values())):
            self._fail(reason)

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self.log(f"{machine} # {message}")

    def close(self) -> None:
        """Writes the report. Raises OSError."""
        atexit.unregister(self.close)
        # Here, because only runs with a report should pay for the import.
        from xml.etree import ElementTree

        self.collect()
        with self._lock:
            self._main.seconds = time.monotonic() - self._begin
            root = ElementTree.Element("testsuites")
            suite = ElementTree.SubElement(root, "testsuite", name=SUITE)
            cases = {**self._subtests, MAIN: self._main}
            for name, case in cases.items():
                _add_case(suite, name, case)
            totals = {
                "tests": len(cases),
                "failures": sum(case.failed for case in cases.values()),
                "errors": 0,
                "skipped": 0,
                "time": f"{self._main.seconds:.3f}",
            }
            for element in (root, suite):
                element.attrib.update({key: str(value) for key, value in totals.items()})
            ElementTree.indent(root, "\t")
            self._outfile.parent.mkdir(parents=True, exist_ok=True)
            ElementTree.ElementTree(root).write(
                self._outfile, encoding="utf-8", xml_declaration=True
            )


def _add_case(suite: "Element", name: str, case: _Case) -> None:
    from xml.etree import ElementTree

    element = ElementTree.SubElement(
        suite, "testcase", name=xml_text(name), time=f"{case.seconds:.3f}"
    )
    if case.failed:
        ElementTree.SubElement(element, "failure", message="test case failed")
    for tag, lines in (("system-out", case.output), ("system-err", case.errors)):
        if lines:
            ElementTree.SubElement(element, tag).text = xml_text("\n".join(lines))
