"""Children that a test script forks: os.fork(), multiprocessing. Only their parent has the run."""

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from charioteer.testing.script_trace import print_from_script

T = TypeVar("T")

FAILED = 1


def on_child(owner: T, enter: Callable[[T], None]) -> None:
    """Calls `enter(owner)` in every forked child, as long as `owner` exists."""
    reference = weakref.ref(owner)

    def call() -> None:
        if (living := reference()) is not None:
            enter(living)

    os.register_at_fork(after_in_child=call)


@contextmanager
def children_end_here() -> Generator[None, None, None]:
    """A child that is forked within the block exits at the end of the block.

    It exits like a Python program: after its exit handlers, with the status of its exception. Only
    the process that entered the block continues after it.
    """
    process = os.getpid()
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        if os.getpid() == process:
            raise
        error = raised
    if os.getpid() != process:
        _end_child(error)


def _end_child(error: BaseException | None) -> NoReturn:
    status = _status_of(error)
    try:
        # As at the end of a program; multiprocessing does the same for its children.
        getattr(threading, "_shutdown")()
        getattr(atexit, "_run_exitfuncs")()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(status)


def _status_of(error: BaseException | None) -> int:
    """The exit status for an exception, which is printed unless it is SystemExit."""
    if error is None:
        return 0
    if not isinstance(error, SystemExit):
        print_from_script(error)
        return FAILED
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)
    return FAILED
