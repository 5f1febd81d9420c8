"""The log on standard error."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes, LogLevel, timed
from charioteer.testing.replaced import Replaced
from charioteer.testing.text import harmless

_Style = Literal["log", "step", "debug", "error"]


class TerminalLogger(AbstractLogger):
    """Writes to standard error through the core, so that all lines come in order."""

    is_direct = True

    maybe_prefix = Replaced("log() puts the machine in front")
    _eprint = Replaced("use log()")

    def __init__(self, reporter: core.Reporter | None = None) -> None:
        """`reporter`: what to write through; by default one of its own."""
        self.reporter = reporter or core.Reporter(terminal=True, queue=False)

    def attach(self, reporter: core.Reporter) -> None:
        self.reporter = reporter
        reporter.terminal = True

    def in_child(self) -> AbstractLogger:
        return self

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self._write("log", message, attributes)

    def debug(self, *args: Any, **kwargs: Any) -> None:
        if self.log_level <= LogLevel.DEBUG:
            self._debug(*args, **kwargs)

    def _debug(self, message: str, attributes: Attributes = {}) -> None:
        self._write("debug", message, attributes)

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        self._write("step", message, attributes)
        with timed(message, lambda end: self.log(end, attributes)):
            yield

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        with self.nested(f"subtest: {name}", attributes):
            yield

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        if self.log_level <= LogLevel.WARNING:
            self._log_test_error(*args, **kwargs)

    def _log_test_error(self, message: str, attributes: Attributes = {}) -> None:
        self._write("error", message, attributes)

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self.reporter.write(core.format_line("serial", str(message), str(machine)))

    def _write(self, style: _Style, message: str, attributes: Attributes) -> None:
        # Outputs of guests are in messages, too.
        text = harmless(str(message))
        machine = str(attributes["machine"]) if "machine" in attributes else None
        self.reporter.write(core.format_line(style, text, machine))
