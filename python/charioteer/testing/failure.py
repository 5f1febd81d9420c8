"""Reports of the failure of a test script."""

import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager

from charioteer.testing.logger import AbstractLogger
from charioteer.testing.script_trace import script_frames
from charioteer.testing.signals import Terminated
from charioteer.testing.text import printable


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
