"""The position in the test script at which an exception was raised."""

import linecache
import os
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType, TracebackType

import charioteer
from charioteer.testing.text import encodable, printable

SCRIPT = "<string>"
"""The file name of a test script in tracebacks."""


_PACKAGE = str(Path(charioteer.__file__).parent) + os.sep


class _Current:
    """The script whose source was registered last."""

    name = ""


def remember_source(script: str, name: str = "") -> None:
    """Registers the source of the script, so that tracebacks show its lines.

    `name` is that of its file, for `current_place`.
    """
    _Current.name = encodable(name)
    lines = [line + "\n" for line in script.split("\n")]
    linecache.cache[SCRIPT] = (len(script), None, lines, SCRIPT)


def current_place() -> str:
    """Where the calling thread is in the script, as "test.py:14".

    Outside of a script: where it is in the program that uses the driver as a library. "" if it is in
    neither.
    """
    line = current_line()
    if line is not None:
        return f"{_Current.name}:{line}" if _Current.name else f"line {line}"
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None or not os.path.isabs(frame.f_code.co_filename):
        return ""
    return f"{encodable(os.path.basename(frame.f_code.co_filename))}:{frame.f_lineno}"


def current_line() -> int | None:
    """The line of the script that the calling thread executes; None outside of the script."""
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_filename != SCRIPT:
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return frame.f_lineno


def script_frames(trace: TracebackType | None, script: str) -> list[str]:
    """The frames of the script only, two lines each."""
    source = script.split("\n")
    lines = []
    for frame, number in traceback.walk_tb(trace):
        if frame.f_code.co_filename == SCRIPT:
            lines.append(f'  File "{SCRIPT}", line {number}, in {frame.f_code.co_name}')
            if number <= len(source):
                lines.append(f"    {source[number - 1].strip()}")
    return lines


def current_lines() -> list[int]:
    """The lines of the script at which the calling thread is, outermost first.

    A thread that the script has not started itself has those of the main thread.
    """
    if lines := _lines_at(sys._getframe(1)):
        return lines
    main = threading.main_thread().ident
    if main is None or main == threading.get_ident():
        return []
    return _lines_at(sys._current_frames().get(main))


def _lines_at(frame: FrameType | None) -> list[int]:
    lines = []
    while frame is not None:
        if frame.f_code.co_filename == SCRIPT:
            lines.append(frame.f_lineno)
        frame = frame.f_back
    return lines[::-1]


def raised_at(error: BaseException) -> list[int]:
    """The lines of the script through which the exception was raised, outermost first.

    For one that the driver raised in place of another, they are those of the other.
    """
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if frame.f_code.co_filename == SCRIPT]
    if not lines and error.__context__ is not None:
        return raised_at(error.__context__)
    return lines


def is_of_script(error: BaseException) -> bool:
    """Whether the script raised it, or it is a syntax error of the script."""
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        return True
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_filename == SCRIPT for frame, _ in frames)


def print_from_script(error: BaseException) -> None:
    """Prints a traceback that begins in the script, without the driver's frames, to stderr."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != SCRIPT:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    print(printable(text), end="", file=sys.stderr, flush=True)
