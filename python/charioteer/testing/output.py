"""The standard streams of a run: complete lines, in order with the lines of the log."""

import io
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core

_STARTS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn"})
"""Audit events before a program starts that has the same standard streams."""


class _Lines(io.BufferedIOBase):
    """Writes to a standard stream through a reporter, which also writes the log.

    A line is written when it is complete, or when it is flushed.
    """

    mode = "wb"

    def __init__(self, reporter: core.Reporter, stream: io.TextIOWrapper, errors: bool) -> None:
        self._reporter = reporter
        self._errors = errors
        self._stream = stream
        self._is_terminal = stream.isatty()
        self.name = stream.name

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._is_terminal

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = bytes(data)
        self._reporter.print(written, self._errors)
        return len(written)

    def flush(self) -> None:
        self._reporter.flush_print(self._errors)


class _Order:
    """The reporters whose lines are written before a program starts."""

    def __init__(self) -> None:
        self.reporters: list[core.Reporter] = []
        self._is_watching = False

    def watch(self) -> None:
        # A hook cannot be removed.
        if not self._is_watching:
            self._is_watching = True
            sys.addaudithook(self._hook)

    def _hook(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if event in _STARTS:
            for reporter in self.reporters:
                reporter.flush_for_program()


_order = _Order()


@contextmanager
def in_order_with(reporter: core.Reporter) -> Generator[None, None, None]:
    """Within the block the output of `sys.stdout` and `sys.stderr` is in order with that of
    `reporter`, and so is the output of programs that are started.

    Leaves out streams that do not exist, or are not the process's own.
    """
    output = _replaced(sys.stdout, sys.__stdout__, reporter, errors=False)
    errors = _replaced(sys.stderr, sys.__stderr__, reporter, errors=True)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = output, errors
    _order.reporters.append(reporter)
    _order.watch()
    try:
        yield
    finally:
        _order.reporters.remove(reporter)
        sys.stdout, sys.stderr = before
        reporter.finish_print()


def _replaced(stream: Any, own: Any, reporter: core.Reporter, errors: bool) -> Any:
    if stream is not own or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    lines: Any = _Lines(reporter, stream, errors)
    return io.TextIOWrapper(
        lines, encoding=stream.encoding, errors=stream.errors, write_through=True
    )
