"""Subtests: named parts of a test."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.logger import AbstractLogger


class Subtests:
    """The subtests of one run, each of which may end with a checkpoint."""

    def __init__(self, logger: AbstractLogger, checkpoints: RunCheckpoints) -> None:
        self._logger = logger
        self._checkpoints = checkpoints
        self._depth = 0
        """The number of subtests that the main thread is in."""

    @contextmanager
    def run(self, name: str) -> Generator[None, None, None]:
        """The block of a subtest. An error of it is logged with its name."""
        level = 1 if threading.current_thread() is threading.main_thread() else 0
        self._depth += level
        try:
            with self._logger.subtest(name):
                try:
                    yield
                except Exception as error:
                    self._logger.log_test_error(f'Test "{name}" failed with error: "{error}"')
                    raise
                self._checkpoints.note_replayed()
        finally:
            self._depth -= level
        # Only the main thread saves checkpoints, and none within another subtest.
        if level and self._depth == 0:
            self._checkpoints.subtest_ended(name)
