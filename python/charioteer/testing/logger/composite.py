"""Several loggers as one."""

import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from charioteer import _core as core
from charioteer.testing import forked
from charioteer.testing.logger.base import AbstractLogger, Attributes, Facts, LogLevel
from charioteer.testing.logger.junit import JunitXMLLogger
from charioteer.testing.logger.trace import TraceLogger


class CompositeLogger(AbstractLogger):
    """Passes all messages to each of its loggers, which share one reporter of the core."""

    def __init__(self, logger_list: list[AbstractLogger] | None = None) -> None:
        self.reporter = core.Reporter(terminal=False, queue=False)
        self.logger_list: list[AbstractLogger] = []
        self._recorders: list[AbstractLogger] = []
        """Those that take records, and steps that are not logged."""
        self._lock = threading.RLock()
        for logger in logger_list or []:
            self.add_logger(logger)
        forked.on_child(self, CompositeLogger._enter_child)

    def add_logger(self, logger: AbstractLogger) -> None:
        """Adds a logger, which gets all further messages."""
        logger.attach(self.reporter)
        if logger.is_recorder:
            self._recorders.append(logger)
        if isinstance(logger, TraceLogger):
            self.reporter.trace_to(logger.report)
        elif logger.report is not None:
            self.reporter.add_report(logger.report)
        self.shows_names = self.shows_names and logger.shows_names
        logger.set_log_level(self.log_level)
        self.logger_list.append(logger)

    def _enter_child(self) -> None:
        """In a forked child: another thread may have held the lock, and files are the parent's."""
        self._lock = threading.RLock()
        self._recorders.clear()
        for logger in self.logger_list:
            if isinstance(logger, JunitXMLLogger):
                logger.abandon()
        kept = [each.in_child() for each in self.logger_list]
        self.logger_list[:] = [each for each in kept if each is not None]

    def collect(self) -> None:
        if not (self.reporter.queue or self.reporter.viewed):
            return
        with self._lock:
            for event in self.reporter.drain():
                for logger in self.logger_list:
                    if not logger.is_direct:
                        logger.take(event)

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self._send_to_all("log", message, attributes)

    def debug(self, *args: Any, **kwargs: Any) -> None:
        self._send_to_all("debug", *args, **kwargs)

    def info(self, *args: Any, **kwargs: Any) -> None:
        self._send_to_all("info", *args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:
        self._send_to_all("warning", *args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:
        """Logs why the run fails, and ends it: raises SystemExit with status 1."""
        self._send_to_all("error", *args, **kwargs)
        sys.exit(1)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._send_to_all("log_test_error", *args, **kwargs)

    def run_failed(self, reason: str) -> None:
        self._send_to_all("run_failed", reason)

    def explain_failure(self, reason: str) -> None:
        self._send_to_all("explain_failure", reason)

    def log_serial(self, message: str, machine: str) -> None:
        self._send_to_all("log_serial", message, machine)

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        with self._in_all("nested", message, attributes):
            yield

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        with self._in_all("subtest", name, attributes):
            yield

    def record(self, kind: str, facts: Facts) -> None:
        for recorder in self._recorders:
            recorder.record(kind, facts)

    def unlogged_step(self, name: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        if not self._recorders:
            return nullcontext()
        if len(self._recorders) == 1:
            return self._recorders[0].unlogged_step(name, attributes)
        return _all_of(each.unlogged_step(name, attributes) for each in self._recorders)

    def describe_step(self, facts: Facts) -> None:
        for recorder in self._recorders:
            recorder.describe_step(facts)

    def lend_terminal(self) -> AbstractContextManager[None]:
        return _all_of(each.lend_terminal() for each in self.logger_list)

    def set_log_level(self, level: LogLevel) -> None:
        super().set_log_level(level)
        for logger in self.logger_list:
            logger.set_log_level(level)

    def _send_to_all(self, method: str, *args: Any, **kwargs: Any) -> None:
        with self._lock:
            self.collect()
            for logger in self.logger_list:
                getattr(logger, method)(*args, **kwargs)

    @contextmanager
    def _in_all(
        self, method: str, message: str, attributes: Attributes
    ) -> Generator[None, None, None]:
        with ExitStack() as stack:
            with self._lock:
                self.collect()
                for logger in self.logger_list:
                    stack.enter_context(getattr(logger, method)(message, attributes))
            yield
            self.collect()


@contextmanager
def _all_of(contexts: Iterable[AbstractContextManager[None]]) -> Generator[None, None, None]:
    with ExitStack() as stack:
        for each in contexts:
            stack.enter_context(each)
        yield
