"""Remembers which step of the log has failed, for the diagnosis."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from charioteer import _core as core
from charioteer.testing.logger.base import AbstractLogger, Attributes

# On the exception itself, so that it is kept as long as that.
_ATTRIBUTE = "_charioteer_failed_step"


@dataclass(frozen=True)
class FailedStep:
    """The innermost step of a machine through which an exception came."""

    name: str
    """As the log shows it."""
    machine: str
    duration: float
    """Seconds from its start to its failure."""


def failed_step(error: BaseException) -> FailedStep | None:
    """The step that failed with this exception, if a StepObserver was among the loggers."""
    step: FailedStep | None = getattr(error, _ATTRIBUTE, None)
    return step


class StepObserver(AbstractLogger):
    """A logger that writes nothing, and notes the failed step of each exception."""

    is_direct = True

    def __init__(self) -> None:
        self.reporter = core.Reporter(terminal=False, queue=False)

    @contextmanager
    def nested(self, message: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        begin = time.monotonic()
        try:
            yield
        except Exception as error:
            # A step without a machine is of the driver or of the script, and is no request.
            if "machine" in attributes and failed_step(error) is None:
                duration = time.monotonic() - begin
                step = FailedStep(str(message), str(attributes["machine"]), duration)
                setattr(error, _ATTRIBUTE, step)
            raise

    @contextmanager
    def subtest(self, name: str, attributes: Attributes = {}) -> Generator[None, None, None]:
        yield

    def log(self, message: str, attributes: Attributes = {}) -> None:
        """Does nothing."""

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing."""

    def log_serial(self, message: str, machine: str) -> None:
        """Does nothing."""
