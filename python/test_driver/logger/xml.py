"""The log as XML, for the environment variable LOGFILE."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core
from test_driver.logger.base import AbstractLogger, Attributes, timed
from test_driver.text import without_controls, xml_text


class XMLLogger(AbstractLogger):
    """Writes each message as it comes, so that the file is of use after any end of the run."""

    def __init__(self, outfile: str) -> None:
        """Opens the file named `outfile` anew. Raises OSError."""
        self.reporter = core.Reporter(terminal=False, queue=True)
        self._lock = threading.RLock()
        self._file = open(outfile, "w", encoding="utf-8")
        self._write('<?xml version="1.0" encoding="utf-8"?>\n<logfile>')

    def close(self) -> None:
        """Ends the document."""
        self.collect()
        with self._lock:
            self._write("</logfile>")
            self._file.close()

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self._write(_element("line", message, attributes))

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self.error(*args, **kwargs)

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self.log(without_controls(message), {"machine": machine, "type": "serial"})

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Iterator[None]:
        self._write(f"<nest>{_element('head', message, attributes)}")
        with timed(message, self.log):
            yield
        self._write("</nest>")

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Iterator[None]:
        with self.nested(f"subtest: {name}", attributes):
            yield

    def _write(self, text: str) -> None:
        with self._lock:
            self._file.write(text)
            self._file.flush()


def _element(tag: str, text: str, attributes: Attributes) -> str:
    # Here, because only runs with an XML log should pay for the import.
    from xml.sax.saxutils import escape, quoteattr

    quoted = "".join(f" {name}={quoteattr(xml_text(str(attributes[name])))}" for name in attributes)
    return f"<{tag}{quoted}>{escape(xml_text(text))}</{tag}>"
