"""The log as records of Python's `logging`."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes, timed
from charioteer.testing.text import harmless

NAME = "charioteer"
"""The logger for all that concerns no machine; that of a machine is `charioteer.MACHINE`."""


class PythonLogger(AbstractLogger):
    """Steps and messages have the level INFO, lines of consoles DEBUG, causes of failures ERROR."""

    shows_names = False

    def __init__(self) -> None:
        self.reporter = core.Reporter(terminal=False, queue=True)

    def in_child(self) -> AbstractLogger:
        return self

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self._write(logging.INFO, message, attributes)

    def debug(self, *args: Any, **kwargs: Any) -> None:
        self._write(logging.DEBUG, *args, **kwargs)

    def info(self, *args: Any, **kwargs: Any) -> None:
        self._write(logging.INFO, *args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:
        self._write(logging.WARNING, *args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:
        self._write(logging.ERROR, *args, **kwargs)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._write(logging.ERROR, *args, **kwargs)

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        self.log(message, attributes)
        with timed(message, lambda end: self.log(end, attributes)):
            yield

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        with self.nested(f"subtest: {name}", attributes):
            yield

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial:
            self._write(logging.DEBUG, message, {"machine": machine})

    def _write(self, level: int, message: str, attributes: Attributes = {}) -> None:
        machine = attributes.get("machine")
        name = f"{NAME}.{machine}" if machine else NAME
        logging.getLogger(name).log(level, "%s", harmless(str(message)))
