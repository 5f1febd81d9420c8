"""The log of a run as a live view shows it: a line for each step that ends, and messages."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from charioteer import _core as core
from charioteer.testing.live.lines import Lines
from charioteer.testing.live.model import Model, Step
from charioteer.testing.logger.base import AbstractLogger, Attributes, Facts, LogLevel
from charioteer.testing.logger.recorder import Recorder, StepKind
from charioteer.testing.logger.terminal import TerminalLogger
from charioteer.testing.script_trace import current_line


class LiveLogger(Recorder):
    """Feeds the model, and writes what stays on the terminal through the core.

    What the driver itself reports is in the model, and written only when `verbose`, or after `finish`.
    """

    def __init__(self, model: Model, lines: Lines, verbose: bool = False) -> None:
        self.reporter = core.Reporter(terminal=True, queue=False)
        self.model = model
        self.lines = lines
        self.verbose = self.shows_names = verbose
        self.lend: Callable[[], AbstractContextManager[None]] | None = None
        """Gives the terminal to the block, without the live region."""
        self._is_in_report = False
        """Whether the last line is one of a test's error."""

    def attach(self, reporter: core.Reporter) -> None:
        self.reporter = reporter
        reporter.terminal = True
        reporter.viewed = True
        reporter.consoles = self.verbose

    def in_child(self) -> AbstractLogger:
        return TerminalLogger(self.reporter)

    # Steps

    def step(
        self, kind: StepKind, name: str, attributes: Attributes
    ) -> AbstractContextManager[None]:
        return _OpenStep(self, kind, name, attributes)

    def step_ended(self, step: Step, seconds: float, is_failed: bool) -> None:
        """Writes the line of a step, unless the log has none, or it is the driver's own."""
        if step.kind == "call" or step.is_frame or not (step.is_of_script or self.verbose):
            return
        self._announce(step.parent)
        self._write(self.lines.ended(step, seconds, is_failed))

    def _announce(self, innermost: Step | None) -> None:
        """Writes the heads of the steps around a line, as far as they are not written yet."""
        heads = []
        step = innermost
        with self.model.lock:
            while step is not None and not step.is_announced:
                step.is_announced = True
                if step.machine is None and step.kind != "call" and not step.is_frame:
                    heads.append(self.lines.head(step))
                step = step.parent
            for head in reversed(heads):
                self._write(head)

    # Messages

    def log(self, message: str, attributes: Attributes = {}) -> None:
        self._message(message, attributes, "plain")

    def info(self, *args: Any, **kwargs: Any) -> None:
        # Outside of the script they are the driver's own.
        if self.verbose or self.model.in_script:
            super().info(*args, **kwargs)

    def debug(self, *args: Any, **kwargs: Any) -> None:
        if self.log_level <= LogLevel.DEBUG:
            self._role("dim", *args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:
        if self.log_level <= LogLevel.WARNING:
            self._role("warning", *args, **kwargs)

    def error(self, *args: Any, **kwargs: Any) -> None:
        self._role("bad", *args, **kwargs)

    def _role(self, role: str, message: str, attributes: Attributes = {}) -> None:
        self._message(message, attributes, role)

    def _message(self, text: str, attributes: Attributes, role: str) -> None:
        machine = str(attributes["machine"]) if "machine" in attributes else None
        around = self.model.innermost()
        self._announce(around)
        depth = 0 if around is None else around.depth + 1
        for line in self.lines.message(str(text), machine, depth, role):
            self._write(line)

    def log_test_error(self, *args: Any, **kwargs: Any) -> None:
        self._report_line(*args, **kwargs)

    def _report_line(self, message: str, attributes: Attributes = {}) -> None:
        if not self._is_in_report:
            self._write(self.lines.rule("failed", "bad"))
        self._write(self.lines.of_report(str(message)))
        self._is_in_report = True

    def log_serial(self, message: str, machine: str) -> None:
        if self.reporter.serial and self.reporter.consoles:
            self.reporter.write(core.format_line("serial", str(message), str(machine)))

    def _write(self, line: str) -> None:
        self._is_in_report = False
        self.reporter.write(line)

    # The run

    def record(self, kind: str, facts: Facts) -> None:
        if kind == "phase":
            self.model.enter(str(facts["phase"]))
        elif kind == "state":
            self.model.change_state(str(facts["machine"]), str(facts["state"]))

    def take(self, event: core.Event) -> None:
        if event.kind == "state":
            if event.machine:
                self.model.change_state(event.machine, event.text, event.details)
        elif event.kind == "progress":
            self.model.show_progress(event.machine, event.text)
        elif event.kind == "warning":
            self.warning(event.text, {"machine": event.machine} if event.machine else {})
        elif event.kind == "log" and (self.verbose or event.text.startswith("| ")):
            self.log(event.text, {"machine": event.machine} if event.machine else {})

    def lend_terminal(self) -> AbstractContextManager[None]:
        return super().lend_terminal() if self.lend is None else self.lend()

    def finish(self) -> None:
        """Ends the view: what is logged from now on is written."""
        self.verbose = True
        self.reporter.viewed = False


class _OpenStep(AbstractContextManager[None]):
    """A step from entering the block to leaving it."""

    def __init__(
        self, logger: LiveLogger, kind: StepKind, name: str, attributes: Attributes
    ) -> None:
        self._logger = logger
        self._kind = kind
        self._name = name
        self._attributes = attributes

    def __enter__(self) -> None:
        machine = self._attributes.get("machine")
        self._step = self._logger.model.begin_step(
            self._kind,
            str(self._name),
            None if machine is None else str(machine),
            current_line(),
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        step = self._step
        seconds = self._logger.model.end_step(step)
        # An error that leaves several steps is of the innermost one.
        if error is None or error is not step.inner_error:
            self._logger.step_ended(step, seconds, error is not None)
        if step.parent is not None:
            step.parent.inner_error = error
