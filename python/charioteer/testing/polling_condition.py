"""Conditions that must hold while a block of the test runs."""

import threading
import time
from collections.abc import Callable
from math import isfinite

from charioteer.testing.errors import PollingConditionError
from charioteer.testing.logger import AbstractLogger


class PollingCondition:
    """A condition that is checked by `check` and `maybe_raise`, with a minimum interval.

    `condition` holds when it returns True or None; False or any exception means that it does not.
    It is described by `description`, else its docstring, else its name.
    """

    def __init__(
        self,
        condition: Callable[[], bool | None],
        logger: AbstractLogger,
        seconds_interval: float = 2.0,
        description: str | None = None,
    ) -> None:
        self.condition = condition
        self.logger = logger
        self.seconds_interval = seconds_interval
        name = getattr(condition, "__name__", repr(condition))
        self.description = str(description or condition.__doc__ or name)
        self.last_called = float("-inf")
        self.entry_count = 0
        self._lock = threading.Lock()
        self._cause: Exception | None = None
        """The exception of the last check, the cause of a PollingConditionError."""

    def check(self, force: bool = False) -> bool:
        """Whether it holds. True without a check while one runs, or before the next is due."""
        if (self.entered or not self.overdue) and not force:
            return True
        with self, self.logger.nested(self.nested_message):
            if isfinite(self.last_called):
                self.logger.info(f"Time since last: {time.monotonic() - self.last_called:.2f}s")
            else:
                self.logger.info("(not called yet)")
            self._cause = None
            try:
                held = self.condition()
            except Exception as error:  # that it failed is the answer
                held, self._cause = False, error
            result = held is None or bool(held)
            self.logger.info(self.status_message(result))
            return result

    def maybe_raise(self) -> None:
        """Raises PollingConditionError unless it holds."""
        if not self.check():
            raise PollingConditionError(self.status_message(False)) from self._cause

    def status_message(self, status: bool) -> str:
        return f"Polling condition {'succeeded' if status else 'failed'}: {self.description}"

    @property
    def nested_message(self) -> str:
        return f"Checking polling condition {self.description!r}"

    @property
    def overdue(self) -> bool:
        return self.last_called + self.seconds_interval < time.monotonic()

    @property
    def entered(self) -> bool:
        return self.entry_count > 0

    def __enter__(self) -> None:
        with self._lock:
            self.entry_count += 1

    def __exit__(self, *_exception: object) -> None:
        assert self.entered
        with self._lock:
            self.entry_count -= 1
        self.last_called = time.monotonic()
