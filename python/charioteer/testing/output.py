"""Standard output of a run: complete lines, in order with the lines of the log."""

import io
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core


class _Lines(io.BufferedIOBase):
    """Writes to standard output through a reporter, which also writes the log.

    A line is written when it is complete, or when it is flushed.
    """

    name = "<stdout>"
    mode = "wb"

    def __init__(self, reporter: core.Reporter) -> None:
        self._reporter = reporter

    def fileno(self) -> int:
        return 1

    def isatty(self) -> bool:
        return sys.__stdout__ is not None and sys.__stdout__.isatty()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = bytes(data)
        self._reporter.print(written)
        return len(written)

    def flush(self) -> None:
        self._reporter.flush_print()


@contextmanager
def in_order_with(reporter: core.Reporter) -> Generator[None, None, None]:
    """Within the block the output of `sys.stdout` is in order with that of `reporter`.

    Does nothing when there is no standard output, or one that is not the process's own.
    """
    before = sys.stdout
    if before is not sys.__stdout__ or not isinstance(before, io.TextIOWrapper):
        yield
        return
    before.flush()
    lines: Any = _Lines(reporter)
    sys.stdout = io.TextIOWrapper(
        lines,
        encoding=before.encoding,
        errors=before.errors,
        write_through=True,
    )
    try:
        yield
    finally:
        sys.stdout = before
        reporter.finish_print()
