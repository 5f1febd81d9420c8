"""The events of a run as a file for programs: docs/trace.md."""

import itertools
import os
import re
import threading
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from charioteer import __version__
from charioteer import _core as core
from charioteer.errors import InputError
from charioteer.testing.logger.base import Attributes, Facts, LogLevel
from charioteer.testing.logger.recorder import Recorder, StepKind
from charioteer.testing.script_trace import current_lines, raised_at
from charioteer.testing.signals import SIGTERM_STATUS

VERSION = 1
_INTERRUPTED = 130
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-.*")


class TraceLogger(Recorder):
    """Records everything at every log level; what the log does not show is marked as hidden."""

    is_direct = True

    def __init__(self, outfile: Path) -> None:
        """Creates the file, on the main thread. Raises OSError."""
        self.reporter = core.Reporter(terminal=False, queue=False)
        self.report: core.Trace = core.Trace(str(outfile), _header())
        self._has_failed = False
        self._numbers = itertools.count(1)
        self._main_steps: list[_Step] = []
        self._threads = threading.local()
        self._threads.number = 0
        self._threads.steps = self._main_steps

    # Messages

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self._add_message("log", False, message, attributes)

    def debug(self, *args: Any, **kwargs: Any) -> None:
        self._add_message("debug", self.log_level > LogLevel.DEBUG, *args, **kwargs)

    def info(self, *args: Any, **kwargs: Any) -> None:
        self._add_message("info", self.log_level > LogLevel.INFO, *args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:
        self._add_message("warning", self.log_level > LogLevel.WARNING, *args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:
        self._add_message("error", False, *args, **kwargs)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._add_message("test-error", False, *args, **kwargs)

    def _add_message(
        self, level: str, is_hidden: bool, message: str, attributes: Attributes = {}
    ) -> None:
        step = self._current()
        fields: dict[str, "core.Field"] = {
            "level": level,
            "text": str(message),
            **_fields_of(attributes),
            "span": step.number if step else None,
            "hidden": is_hidden or None,
        }
        self.report.add("message", fields)

    def log_serial(self, message: str, machine: str) -> None:
        hidden = None if self.reporter.serial else True
        self.report.add(
            "console", {"machine": str(machine), "text": str(message), "hidden": hidden}
        )

    # Spans

    def step(
        self, kind: StepKind, name: str, attributes: Attributes
    ) -> AbstractContextManager[None]:
        return _Step(self, kind, name, attributes)

    def describe_step(self, facts: Facts) -> None:
        if steps := self.steps_of_thread():
            steps[-1].facts.update(facts)

    def steps_of_thread(self) -> "list[_Step]":
        """The open steps of the calling thread, innermost last."""
        steps: list[_Step] | None = getattr(self._threads, "steps", None)
        if steps is None:
            self._threads.number = next(self._numbers)
            self._threads.steps = steps = []
        return steps

    def thread_number(self) -> int:
        """0 for the main thread. To be called after steps_of_thread()."""
        number: int = self._threads.number
        return number

    def _current(self) -> "_Step | None":
        """The innermost step of the calling thread, or else of the main thread."""
        for step in self.steps_of_thread()[-1:] or self._main_steps[-1:]:
            return step
        return None

    parent_of_next = _current

    # The run

    def record(self, kind: str, facts: Facts) -> None:
        self.report.add(kind, dict(facts))

    def run_failed(self, reason: str) -> None:
        self._has_failed = True
        self.report.add("failed", {"reason": str(reason)})

    def explain_failure(self, reason: str) -> None:
        self.report.add("explanation", {"text": str(reason)})

    def close(self, error: BaseException | None = None) -> str:
        """Records the result of a run that ends, by `error` or with its reported outcome.

        Returns why the trace is incomplete, or an empty string.
        """
        status, exit_status = _result_of(error, self._has_failed)
        return self.report.close({"status": status, "exit_status": exit_status})


class _Step(AbstractContextManager[None]):
    """A span of the trace, which begins where the block is entered."""

    def __init__(
        self, logger: TraceLogger, kind: StepKind, name: str, attributes: Attributes
    ) -> None:
        self._logger = logger
        self._kind = kind
        self._name = name
        self._attributes = attributes
        self.facts: dict[str, "core.Field"] = {}
        """What is recorded at its end."""
        self.number = 0
        self.lines: list[int] = []
        """Where it was begun in the script, outermost first."""
        self.inner_error: BaseException | None = None
        """The exception that has left the last step within this one, until this one ends."""

    def __enter__(self) -> None:
        logger = self._logger
        self._steps = logger.steps_of_thread()
        parent = logger.parent_of_next()
        self.lines = current_lines()
        self.number = logger.report.begin_span(
            {
                "type": self._kind,
                "name": str(self._name),
                **_fields_of(self._attributes),
                "parent": parent.number if parent else None,
                "line": self.lines[-1] if self.lines else None,
                "callers": self.lines[:-1] or None,
                "thread": logger.thread_number() or None,
            }
        )
        self._steps.append(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._steps.remove(self)
        if error is not None:
            self.facts["error"] = f"{type(error).__name__}: {error}"
            self.facts["raised_at"] = raised_at(error) or None
            if error is not self.inner_error:
                notes = [str(note) for note in getattr(error, "__notes__", [])]
                self.facts["notes"] = notes or None
            if self._steps:
                self._steps[-1].inner_error = error
        self.inner_error = None
        self._logger.report.end_span(self.number, {"ok": error is None, **self.facts})


def _fields_of(attributes: Attributes) -> dict[str, "core.Field"]:
    machine = attributes.get("machine")
    others = {name: each for name, each in attributes.items() if name != "machine"}
    return {"machine": None if machine is None else str(machine), "attributes": others or None}


def _header() -> dict[str, "core.Field"]:
    given = _TRACEPARENT.fullmatch(os.environ.get("TRACEPARENT", ""))
    wall = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    return {
        "version": VERSION,
        "wall": wall.replace("+00:00", "Z"),
        "program": f"charioteer {__version__}",
        "pid": os.getpid(),
        "trace_id": given[1] if given else os.urandom(16).hex(),
        "parent_id": given[2] if given else None,
    }


def _result_of(error: BaseException | None, has_failed: bool) -> tuple[str, int]:
    """The status of a run, and the exit status of its process."""
    if core.is_terminating():
        return "interrupted", SIGTERM_STATUS
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", _INTERRUPTED
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return ("failed" if code else "passed"), code
    if isinstance(error, InputError):
        return "failed", error.status
    failed = has_failed or error is not None
    return ("failed" if failed else "passed"), int(failed)
