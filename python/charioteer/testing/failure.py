"""Reports of the failure of a test script."""

import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from charioteer.errors import InputError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.script_trace import is_of_script, script_frames
from charioteer.testing.signals import Terminated
from charioteer.testing.text import printable

FindHostFailure = Callable[[Sequence[Path]], InputError | None]
"""The loss of hosts by which a script may have failed, by the state directories of the machines."""


class HostFailureCheck:
    """Raises the loss of a host in place of the failure of the script, which is not at fault then."""

    def __init__(self, find: FindHostFailure | None) -> None:
        self._find = find
        self._found: InputError | None = None

    def check(self, ending: BaseException, states: Sequence[Path]) -> None:
        """To be called with what has left the script, before the machines end."""
        # An exit status that the script has chosen is that of the run.
        if self._find and not (isinstance(ending, SystemExit) and is_of_script(ending)):
            self._found = self._find(states)

    @contextmanager
    def raising_at_end(self) -> Generator[None, None, None]:
        """Raises the loss at the end of the block, in which the script's failure is reported."""
        try:
            yield
        except SystemExit as ending:
            if self._found is None or isinstance(ending, Terminated):
                raise
        if self._found is not None:
            raise self._found


def report_request(logger: AbstractLogger, error: Exception, script: str) -> None:
    """Reports a failed request: its position in the script, the error and its notes."""
    logger.log_test_error("Traceback (most recent call last):")
    for line in script_frames(error.__traceback__, script):
        logger.log_test_error(line)
    logger.log_test_error("")
    for line in f"{type(error).__name__}: {error}".split("\n"):
        logger.log_test_error(line)
    for note in notes_of(error):
        for line in printable(note).split("\n"):
            logger.log_test_error(line)


def report_machine(logger: AbstractLogger, error: Exception) -> None:
    """Reports an error of a machine, with the full traceback."""
    for line in "".join(traceback.format_exception(error)).rstrip("\n").split("\n"):
        logger.log_test_error(line)


def notes_of(error: BaseException) -> list[str]:
    return [str(note) for note in getattr(error, "__notes__", [])]


def report_set_up(logger: AbstractLogger, error: Exception) -> None:
    """Reports an error before the run, without a traceback, since the script did not cause it."""
    for text in (str(error), *notes_of(error)):
        for line in printable(text).split("\n"):
            logger.log_test_error(line)


def report_interruption(logger: AbstractLogger, error: BaseException, script: str) -> None:
    """Reports where the script was when it was interrupted."""
    if lines := script_frames(error.__traceback__, script):
        logger.log_test_error(f"interrupted by {name_of_interruption(error)} at:")
        for line in lines:
            logger.log_test_error(line)


def name_of_interruption(error: BaseException) -> str:
    return "Ctrl-C" if isinstance(error, KeyboardInterrupt) else "SIGTERM"


@contextmanager
def passed_to(on_failure: Callable[[BaseException], None]) -> Generator[None, None, None]:
    """Calls `on_failure` with an error by which the block fails, SIGTERM and Ctrl-C excepted."""
    try:
        yield
    except Exception as error:
        on_failure(error)
        raise
    except SystemExit as ending:
        if ending.code not in (None, 0) and not isinstance(ending, Terminated):
            on_failure(ending)
        raise
