"""The outcome as a JUnit report: one case for each subtest, and `main` for the rest."""

import atexit
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes
from charioteer.testing.replaced import Replaced
from charioteer.testing.text import encodable


class JunitXMLLogger(AbstractLogger):
    """Collects the outcome, and writes the report on `close` or at the exit of the program.

    A subtest that raises stays the current one, since later messages explain its failure.
    """

    tests = Replaced("cases are made by subtest() and written by close()")
    testsuite = Replaced("what is logged outside of subtests is in the case `main`")
    currentSubtest = Replaced("use subtest()")

    def __init__(self, outfile: Path) -> None:
        """`outfile`: the report; its folder is created."""
        self.reporter = core.Reporter(terminal=False, queue=True)
        self.report: core.JunitReport = core.JunitReport(str(outfile))
        self.outfile = outfile
        atexit.register(self.close)

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self.report.log(encodable(message))

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        self.log(message, attributes)
        yield

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        number = self.report.begin_subtest(encodable(name))
        self.log(f"subtest: {name}", attributes)
        try:
            yield
        finally:
            self.report.leave_subtest(number)
        self.report.end_subtest(number)

    def error(self, *args: Any, **kwargs: Any) -> None:
        self._fail(*args, **kwargs)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._fail(*args, **kwargs)

    def _fail(self, message: str, attributes: Attributes = {}) -> None:
        self.report.fail(encodable(message))

    def explain_failure(self, reason: str) -> None:
        self.report.explain(encodable(reason))

    def run_failed(self, reason: str) -> None:
        self.report.run_failed(encodable(reason))

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self.log(f"{machine} # {message}")

    def close(self) -> None:
        """Writes the report. Raises OSError."""
        self.abandon()
        self.collect()
        self.report.write()

    def abandon(self) -> None:
        """No report is written at the exit of the program."""
        atexit.unregister(self.close)
