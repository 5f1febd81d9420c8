"""How the failure of a test script is told."""

import linecache
import sys
import traceback
from types import TracebackType

from test_driver.logger import AbstractLogger
from test_driver.text import printable

SCRIPT = "<string>"
"""The file name of a test script in tracebacks."""


def remember_source(script: str) -> None:
    """Lets tracebacks show lines of the script."""
    lines = [line + "\n" for line in script.split("\n")]
    linecache.cache[SCRIPT] = (len(script), None, lines, SCRIPT)


def report_request(logger: AbstractLogger, error: Exception, script: str) -> None:
    """Tells what the script asked for in vain: where in the script, what, and its notes."""
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
    """Tells of trouble with a machine, with the full traceback."""
    for line in "".join(traceback.format_exception(error)).rstrip("\n").split("\n"):
        logger.log_test_error(line)


def script_frames(trace: TracebackType | None, script: str) -> list[str]:
    """The frames of the script alone, two lines each."""
    source = script.split("\n")
    lines = []
    for frame, number in traceback.walk_tb(trace):
        if frame.f_code.co_filename == SCRIPT:
            lines.append(f'  File "{SCRIPT}", line {number}, in {frame.f_code.co_name}')
            if number <= len(source):
                lines.append(f"    {source[number - 1].strip()}")
    return lines


def notes_of(error: BaseException) -> list[str]:
    return [str(note) for note in getattr(error, "__notes__", [])]


def report_set_up(logger: AbstractLogger, error: Exception) -> None:
    """Tells why there is no run, without a traceback: the script has no part in it."""
    for text in (str(error), *notes_of(error)):
        for line in printable(text).split("\n"):
            logger.log_test_error(line)


def report_interruption(logger: AbstractLogger, error: BaseException, script: str) -> None:
    """Tells where the script was when it was interrupted."""
    if lines := script_frames(error.__traceback__, script):
        logger.log_test_error(f"interrupted by {name_of_interruption(error)} at:")
        for line in lines:
            logger.log_test_error(line)


def name_of_interruption(error: BaseException) -> str:
    return "Ctrl-C" if isinstance(error, KeyboardInterrupt) else "SIGTERM"


def is_of_script(error: BaseException) -> bool:
    """Whether it came up in the script, or is about its syntax."""
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        return True
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_filename == SCRIPT for frame, _ in frames)


def print_from_script(error: BaseException) -> None:
    """A traceback on standard error that begins in the script, without the driver's own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != SCRIPT:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    print(printable(text), end="", file=sys.stderr, flush=True)
