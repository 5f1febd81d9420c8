"""The log on standard error of a quiet run: only why it failed."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes
from charioteer.testing.text import harmless


class QuietLogger(AbstractLogger):
    """Writes errors in the format of the log, and nothing else."""

    is_direct = True
    shows_names = False

    def __init__(self) -> None:
        self.reporter = core.Reporter(terminal=False, queue=False)

    def in_child(self) -> AbstractLogger:
        return self

    def log(self, message: str, attributes: Attributes = {}) -> None:
        pass

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        yield

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        yield

    def log_serial(self, message: str, machine: str) -> None:
        pass

    def error(self, *args: Any, **kwargs: Any) -> None:
        self._write("log", *args, **kwargs)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._write("error", *args, **kwargs)

    def _write(self, style: Any, message: str, attributes: Attributes = {}) -> None:
        machine = str(attributes["machine"]) if "machine" in attributes else None
        line = core.format_line(style, harmless(str(message)), machine)
        self.reporter.print(line.encode(errors="replace") + b"\n", errors=True)
