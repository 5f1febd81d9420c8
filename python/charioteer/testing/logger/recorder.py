"""Loggers that record steps by their begin and end."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Literal

from charioteer.testing.logger.base import AbstractLogger, Attributes

StepKind = Literal["step", "subtest", "call"]
"""The type of a step in docs/trace.md."""


class Recorder(AbstractLogger):
    """A logger that takes records, and also steps that the log does not show."""

    is_recorder = True

    @abstractmethod
    def step(
        self, kind: StepKind, name: str, attributes: Attributes
    ) -> AbstractContextManager[None]:
        """A step of any kind, which lasts from entering the block to leaving it."""

    def nested(self, message: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        return self.step("step", message, attributes)

    def subtest(self, name: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        return self.step("subtest", name, attributes)

    def unlogged_step(self, name: str, attributes: Attributes = {}) -> AbstractContextManager[None]:
        return self.step("call", name, attributes)
