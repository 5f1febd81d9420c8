"""The part of charioteer._core for reports; there is no module of this name."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from charioteer._core_values import Event

Field = str | bytes | bool | int | float | Sequence[str] | Sequence[int] | Mapping[str, str] | None

class Report:
    """A report of a run, which can be completed without Python. Thread-safe."""

class JunitReport(Report):
    """A JUnit report (driver/report/junit.hpp). `write` raises OSError."""

    def __init__(self, file: str) -> None: ...
    def log(self, text: str) -> None: ...
    def fail(self, text: str) -> None: ...
    def explain(self, reason: str) -> None: ...
    def run_failed(self, reason: str) -> None: ...
    def begin_subtest(self, name: str) -> int: ...
    def leave_subtest(self, number: int) -> None: ...
    def end_subtest(self, number: int) -> None: ...
    def write(self) -> None: ...

def junit_text(cases: list[dict[str, Any]]) -> str:
    """A JUnit report of cases, of which the first is `main`.

    Each has its `name`, `output` and `errors` as lists of texts, whether it `failed`, its `time` in
    seconds, and the `explanation` of its failure, which is empty if there is none.
    """

class XmlLog(Report):
    """The log as XML (driver/report/xml_log.hpp). Raises OSError."""

    def __init__(self, file: str) -> None: ...
    def line(self, text: str, attributes: dict[str, str]) -> None: ...
    def open_nest(self, head: str, attributes: dict[str, str]) -> None: ...
    def close_nest(self) -> None: ...
    def close(self) -> None: ...

class Trace(Report):
    """The events of a run as lines of JSON (driver/report/trace.hpp, docs/trace.md).

    In the fields of records, lists and dicts must be of these types themselves. Fields that are None
    are left out. Bytes are texts in UTF-8.
    """

    def __init__(self, file: str, header: dict[str, Field], limit: int = 33554432) -> None:
        """Creates the file, of at most `limit` bytes, with its first record. Raises OSError."""
    def add(self, kind: str, fields: dict[str, Field]) -> None: ...
    def begin_span(self, fields: dict[str, Field]) -> int:
        """Returns the number for `end_span`."""
    def end_span(self, number: int, fields: dict[str, Field]) -> None:
        """No-op for a span that has ended."""
    def close(self, result: dict[str, Field]) -> str:
        """Adds the last record, and waits 2 s at most until everything is written.

        Returns why the trace is incomplete, or an empty string.
        """

def format_line(
    style: Literal["log", "step", "debug", "error", "serial"], text: str, machine: str | None = None
) -> str:
    """A line of the log in upstream's terminal format, with `machine`, if any, as prefix.

    `step` is the first line of a step, `error` a line of a test's error. `text` is not escaped.
    """

class Reporter:
    """Takes the events of the core and of the test. Thread-safe.

    With `terminal` it writes them to standard error at once, in upstream's terminal format. With
    `queue` it also stores events of the core for `drain`, at most 100000; the oldest serial lines are
    dropped first.
    """

    def __init__(self, terminal: bool = True, queue: bool = False) -> None: ...
    terminal: bool
    queue: bool
    serial: bool
    """Whether serial lines are written."""
    warnings: bool
    """Whether warnings of the core are written."""
    viewed: bool
    """Whether a live view shows what happens: messages, progress and changes of state are kept for
    `drain`, and of the core only serial lines are written."""
    consoles: bool
    """Whether serial lines are written to standard error."""
    held: bool
    """Whether lines are queued, while a shell uses the terminal."""
    def drain(self) -> list[Event]:
        """The events since the last call, oldest first."""
    def write(self, text: str) -> None:
        """Writes one line unchanged, after all earlier serial lines."""
    def show(self, lines: list[str]) -> None:
        """Shows lines below the last one of standard error, until others replace them. Each has to
        fit into a row. No-op unless standard error is a terminal.
        """
    def capture(self, on: bool) -> None:
        """Sets whether the standard streams that are the terminal of standard error are captured.

        Whatever this process and programs that it starts write there comes by complete lines, in
        order with the log, with control characters escaped. Raises OSError. No-op in a forked child.
        """
    def flush(self) -> None:
        """Returns when everything is written, after 2 s if standard error is not read, and at once
        while lines are held.
        """
    def flush_for_program(self) -> None:
        """As `flush`, before another program writes to the same files."""
    def print(self, data: bytes, errors: bool = False) -> None:
        """Adds to the calling thread's line of standard output, or else of standard error, and
        writes complete lines, in order with the log. Raises OSError. If the pipe of standard output
        was closed, the data are discarded.
        """
    def flush_print(self, errors: bool = False) -> None:
        """Writes the calling thread's incomplete line. It is only shown while it is captured."""
    def finish_print(self) -> None:
        """Writes the incomplete lines of all threads."""
    @property
    def output_unread(self) -> bool:
        """Whether the pipe of standard output was closed before everything was written."""
    def add_report(self, report: Report) -> None:
        """Adds a report that is completed even when the process has to end without Python."""
    def trace_to(self, trace: Trace) -> None:
        """As `add_report`; passes events to `trace` at once, also those that are not written."""
