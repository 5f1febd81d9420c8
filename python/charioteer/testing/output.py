"""The standard streams of a run: complete lines, in order with the lines of the log."""

import io
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from charioteer import _core as core

_STARTS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn"})
"""Audit events before a program starts that has the same standard streams."""


_Replacement = Callable[[io.TextIOWrapper], io.BufferedIOBase]
"""Makes the stream to which `sys.stdout` or `sys.stderr` writes in place of its own."""


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


class _AfterLog(io.BufferedIOBase):
    """Writes to a standard stream at once, after the lines that were logged before.

    For prompts, which move the cursor. A log line that the writer's thread wrote after a prompt would
    hide the prompt.
    """

    mode = "wb"

    def __init__(self, reporter: core.Reporter, stream: io.TextIOWrapper) -> None:
        self._reporter = reporter
        self._stream = stream
        self.name = stream.name

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._reporter.flush()
        written: int = self._stream.buffer.write(data)
        self._stream.buffer.flush()
        return written

    def flush(self) -> None:
        self._reporter.flush()
        self._stream.flush()


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

    def lines(errors: bool) -> _Replacement:
        return lambda stream: _Lines(reporter, stream, errors)

    try:
        with _replaced(reporter, lines(errors=False), lines(errors=True)):
            yield
    finally:
        reporter.finish_print()


def prompt_after(reporter: core.Reporter) -> AbstractContextManager[None]:
    """Within the block a prompt uses the standard streams.

    All that it writes comes after the lines that `reporter` got before, and so does the output of
    programs that are started.
    """

    def after_log(stream: io.TextIOWrapper) -> _AfterLog:
        return _AfterLog(reporter, stream)

    return _replaced(reporter, after_log, after_log)


@contextmanager
def _replaced(
    reporter: core.Reporter, output: _Replacement, errors: _Replacement
) -> Generator[None, None, None]:
    """Within the block the standard streams write to the results of `output` and `errors`."""
    before = sys.stdout, sys.stderr
    sys.stdout = _replacement(sys.stdout, sys.__stdout__, output)
    sys.stderr = _replacement(sys.stderr, sys.__stderr__, errors)
    _order.reporters.append(reporter)
    _order.watch()
    try:
        yield
    finally:
        _order.reporters.remove(reporter)
        sys.stdout, sys.stderr = before


def _replacement(stream: Any, own: Any, make: _Replacement) -> Any:
    if stream is not own or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    buffer: Any = make(stream)
    return io.TextIOWrapper(
        buffer, encoding=stream.encoding, errors=stream.errors, write_through=True
    )
