"""The log as XML, for the environment variable LOGFILE."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes, timed
from charioteer.testing.replaced import Replaced
from charioteer.testing.text import encodable, without_controls


class XMLLogger(AbstractLogger):
    """Writes each message immediately, so that the file is usable even if the run was killed."""

    logfile_handle = Replaced("use log(), and close() at the end")
    xml = Replaced("use log(), nested() and subtest()")
    queue = Replaced("lines of consoles are kept by the core; collect() writes them")
    enqueue = Replaced("use log_serial()")
    drain_log_queue = Replaced("use collect()")
    sanitise = staticmethod(without_controls)

    def __init__(self, outfile: str) -> None:
        """Creates the file `outfile`, or truncates it. Raises OSError."""
        self.reporter = core.Reporter(terminal=False, queue=True)
        self.report: core.XmlLog = core.XmlLog(outfile)

    def close(self) -> None:
        """Ends the document."""
        self.collect()
        self.report.close()

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self.report.line(encodable(message), _encodable(attributes))

    def log_line(self, message: str, attributes: Attributes) -> None:
        """The same as `log`."""
        self.log(message, attributes)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self.error(*args, **kwargs)

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self.log(without_controls(message), {"machine": machine, "type": "serial"})

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        self.report.open_nest(encodable(message), _encodable(attributes))
        with timed(message, self.log):
            yield
        self.report.close_nest()

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        with self.nested(f"subtest: {name}", attributes):
            yield


def _encodable(attributes: Attributes) -> dict[str, str]:
    return {name: encodable(value) for name, value in attributes.items()}
