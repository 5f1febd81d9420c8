"""The errors of the clean-up at the end of a run."""

import threading
from collections.abc import Callable, Iterable

from charioteer.testing.logger import AbstractLogger


class CleanUpErrors:
    """Collects errors, so that one does not prevent the rest of the clean-up."""

    def __init__(self, logger: AbstractLogger) -> None:
        self._logger = logger
        self._errors: list[str] = []

    def attempt(self, what: str, end: Callable[[], None]) -> None:
        """Calls `end`, which ends `what`; an exception becomes one of the errors."""
        try:
            end()
        except Exception as error:
            self._errors.append(f"Error during cleanup of {what}: {error}")

    def attempt_all(self, ends: Iterable[tuple[str, Callable[[], None]]]) -> None:
        """As `attempt` for each of `ends`, in parallel, so that none waits for another."""
        threads = []
        for each in ends:
            thread = threading.Thread(target=self.attempt, args=each)
            try:
                thread.start()
            except RuntimeError:  # the limit of processes is reached
                self.attempt(*each)
            else:
                threads.append(thread)
        for thread in threads:
            thread.join()

    def add(self, errors: Iterable[str]) -> None:
        """Adds errors, one sentence each."""
        self._errors += errors

    def __str__(self) -> str:
        """The errors, one line each; empty if there are none."""
        return "\n".join(self._errors)

    def report(self, quietly: bool) -> None:
        """Logs the errors. Unless `quietly`, ends the program because of them: raises SystemExit."""
        for number, error in enumerate(self._errors, start=1):
            try:
                self._logger.error(error)
            except SystemExit:
                if number == len(self._errors) and not quietly:
                    raise
