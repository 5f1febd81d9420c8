"""The standard streams of a run and of a prompt, in order with the lines of the log."""

import functools
import io
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from charioteer import _core as core

_STARTS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn"})
"""Audit events before a program starts that has the same standard streams."""


_Wrap = Callable[[io.TextIOWrapper], io.TextIOWrapper]
"""Makes the stream that stands in for `sys.stdout` or `sys.stderr`."""


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
    output = functools.partial(_in_lines, reporter, errors=False)
    errors = functools.partial(_in_lines, reporter, errors=True)
    try:
        with _wrapped_streams(reporter, output, errors):
            yield
    finally:
        reporter.finish_print()


@contextmanager
def prompt_after(reporter: core.Reporter) -> Generator[None, None, None]:
    """Within the block a prompt uses the standard streams.

    What it writes comes after the lines that `reporter` got before, and so does the output of programs
    that are started. Each write waits at most 2 s for those lines.
    """
    after_log = functools.partial(_after_log, reporter)
    with _wrapped_streams(reporter, after_log, after_log):
        yield


def _in_lines(
    reporter: core.Reporter, stream: io.TextIOWrapper, *, errors: bool
) -> io.TextIOWrapper:
    buffer: Any = _Lines(reporter, stream, errors)
    return io.TextIOWrapper(
        buffer, encoding=stream.encoding, errors=stream.errors, write_through=True
    )


def _after_log(reporter: core.Reporter, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    buffer: Any = _AfterLog(reporter, stream)
    # Each line in one piece, so that no line of a console is written within it.
    return io.TextIOWrapper(
        buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True
    )


@contextmanager
def _wrapped_streams(
    reporter: core.Reporter, output: _Wrap, errors: _Wrap
) -> Generator[None, None, None]:
    """Within the block the standard streams are the results of `output` and `errors`."""
    before = sys.stdout, sys.stderr
    sys.stdout = _wrapped(sys.stdout, sys.__stdout__, output)
    sys.stderr = _wrapped(sys.stderr, sys.__stderr__, errors)
    _order.reporters.append(reporter)
    _order.watch()
    try:
        yield
    finally:
        _order.reporters.remove(reporter)
        sys.stdout, sys.stderr = before


def _wrapped(stream: Any, own: Any, wrap: _Wrap) -> Any:
    """`stream` itself unless it is the process's own."""
    if stream is not own or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    return wrap(stream)
