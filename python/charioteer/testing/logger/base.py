"""The interface of all loggers."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import IntEnum
from typing import Any

from charioteer import _core as core

Attributes = Mapping[str, str]
Facts = Mapping[str, "core.Field"]
"""What is known about a step, by the names of fields in docs/trace.md."""


class LogLevel(IntEnum):
    """The level for `debug`, `info` and `warning`; other messages are always shown."""

    DEBUG = 1
    """All messages."""
    INFO = 2
    """All but those of `debug`."""
    WARNING = 3
    """Those of `warning` and `error`."""
    ERROR = 4
    """Those of `error`."""


class AbstractLogger(ABC):
    """A log. `attributes` of a message are its context; the usual one is `machine`.

    May be used from several threads.
    """

    reporter: core.Reporter
    """Takes what the core logs on behalf of this logger."""

    report: core.Report | None = None
    """The file of this logger, if the core can finish it."""

    is_direct: bool = False
    """Whether the core itself writes its events for this logger, which `take` does not get then."""

    is_recorder: bool = False
    """Whether it takes records, and steps that are not logged."""

    shows_names: bool = True
    """Whether the names that are defined for the script are printed."""

    log_level: LogLevel = LogLevel.INFO
    """The least level that is logged; to be changed by `set_log_level`."""

    def attach(self, reporter: core.Reporter) -> None:
        """Uses the reporter that all loggers of a run share."""
        self.reporter = reporter
        if not self.is_direct:
            reporter.queue = True

    def in_child(self) -> "AbstractLogger | None":
        """The logger in its place in a forked child; None for one of the parent only."""
        return None

    @abstractmethod
    def log(self, message: str, attributes: Attributes = {}) -> None:
        """Logs a message, at any log level."""

    @abstractmethod
    def nested(self, message: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        """A step of the test: logs the message and, unless the step raises, its duration."""

    @abstractmethod
    def subtest(self, name: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        """A named part of the test, logged as a step."""

    @abstractmethod
    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        """Logs, line by line, why the test fails. Arguments as for `log`."""

    @abstractmethod
    def log_serial(self, message: str, machine: str) -> None:
        """Logs a line of a machine's serial console."""

    def debug(self, *args: Any, **kwargs: Any) -> None:
        """As `log`, at level DEBUG only."""
        if self.log_level <= LogLevel.DEBUG:
            self.log(*args, **kwargs)

    def info(self, *args: Any, **kwargs: Any) -> None:
        """As `log`, up to level INFO."""
        if self.log_level <= LogLevel.INFO:
            self.log(*args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:
        """As `log`, up to level WARNING."""
        if self.log_level <= LogLevel.WARNING:
            self.log(*args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:
        """As `log`, for errors that make the run fail."""
        self.log(*args, **kwargs)

    def run_failed(self, reason: str) -> None:
        """Records that the run failed, which the terminal shows already."""

    def explain_failure(self, reason: str) -> None:
        """Records the likely cause of the failure, several lines, which are logged already."""

    def record(self, kind: str, facts: Facts) -> None:
        """Passes on a record of docs/trace.md, which is not logged."""

    def unlogged_step(self, name: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        """A step that recorders get, and that is not logged."""
        return nullcontext()

    def describe_step(self, facts: Facts) -> None:
        """Records facts of the innermost step of this thread; they are not logged."""

    def lend_terminal(self) -> AbstractContextManager[None]:
        """Within the block another program, or a prompt, uses the terminal."""
        return nullcontext()

    def print_serial_logs(self, enable: bool) -> None:
        """Whether lines of serial consoles are logged at all."""
        self.reporter.serial = bool(enable)

    def set_log_level(self, level: LogLevel) -> None:
        """Sets the least level that is logged, also of what the core reports."""
        self.log_level = level
        self.reporter.warnings = level <= LogLevel.WARNING

    def collect(self) -> None:
        """Logs the core's events since the last call; cheap if there are none."""
        for event in self.reporter.drain():
            self.take(event)

    def take(self, event: core.Event) -> None:
        """Logs an event of the core."""
        if event.kind in ("state", "progress"):
            return
        if event.kind == "serial":
            self.log_serial(event.text, event.machine)
            return
        attributes = {"machine": event.machine} if event.machine else {}
        if event.kind == "warning":
            self.warning(event.text, attributes)
        else:
            self.log(event.text, attributes)


@contextmanager
def timed(message: str, finish: Callable[[str], None]) -> Generator[None, None, None]:
    """Calls `finish` with the block's duration, unless it raises: failed steps stay open."""
    begin = time.monotonic()
    yield
    finish(f"(finished: {message}, in {time.monotonic() - begin:.2f} seconds)")
