"""The part of charioteer._core for reports; there is no module of this name."""

from collections.abc import Mapping, Sequence
from typing import Any

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

    Each has its `name`, `output` and `errors` as lists of texts, whether it `failed`, and its `time`
    in seconds.
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
