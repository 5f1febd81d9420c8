"""The log on standard error."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes, LogLevel, timed
from charioteer.testing.replaced import Replaced
from charioteer.testing.text import harmless

_BOLD_GREEN = "\x1b[1m\x1b[32m"
_RED = "\x1b[31m"
_DIM = "\x1b[2m"
_RESET = "\x1b[0m"


class TerminalLogger(AbstractLogger):
    """Writes to standard error through the core, so that all lines come in order."""

    maybe_prefix = Replaced("log() puts the machine in front")
    _eprint = Replaced("use log()")

    def __init__(self, reporter: core.Reporter | None = None) -> None:
        """`reporter`: what to write through; by default one of its own."""
        self.reporter = reporter or core.Reporter(terminal=True, queue=False)

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self.reporter.write(_about(message, attributes))

    def debug(self, *args: Any, **kwargs: Any) -> None:
        if self.log_level <= LogLevel.DEBUG:
            self._debug(*args, **kwargs)

    def _debug(self, message: str, attributes: Attributes = {}) -> None:
        self.reporter.write(f"{_DIM}{_about(message, attributes)}{_RESET}")

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        self.reporter.write(_about(f"{_BOLD_GREEN}{message}{_RESET}", attributes))
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
        self.reporter.write(f"{_RED}!!! {_RESET}{_about(message, attributes)}")

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self.reporter.write(f"{_DIM}{machine} # {message}{_RESET}")


def _about(message: str, attributes: Attributes) -> str:
    # Outputs of guests are in messages, too.
    text = harmless(str(message))
    return f"{attributes['machine']}: {text}" if "machine" in attributes else text
