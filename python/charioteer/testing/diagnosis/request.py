"""What failed: the step of the script, what it asked for, and how it ended."""

import inspect
import linecache
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import FrameType
from typing import Any

from charioteer.testing import failure
from charioteer.testing.diagnosis.failed_step import failed_step
from charioteer.testing.diagnosis.subjects import Subjects, subjects_of
from charioteer.testing.machine import BaseMachine
from charioteer.testing.script_trace import SCRIPT

_WORD = re.compile(r"[A-Za-z][\w.@-]{3,}")
# Words that any request may have, and that relate it to nothing.
_COMMON = frozenset(
    "must succeed fail failed failure command exit code unit state port timeout seconds after limit"
    " waiting success that with from this have been last lines output console standard error true"
    " echo false action timed reached inactive active there pending jobs machine".split()
)


@dataclass(frozen=True)
class ScriptLine:
    """A line of the test script."""

    number: int
    source: str


@dataclass(frozen=True)
class Request:
    """The request that failed. Texts are those of the error, unescaped."""

    error: str
    """What happened: the error's text."""
    lines: tuple[ScriptLine, ...] = ()
    """Where the script was, outermost first."""
    machine: str | None = None
    step: str = ""
    """What was asked, as the log shows it."""
    command: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Notes of the error: times, last lines of outputs and of the console."""
    elapsed: float = 0.0
    """Seconds from the start of the step to its failure."""
    subjects: Subjects = Subjects()

    def words(self) -> frozenset[str]:
        """The words by which a finding can be related to the request."""
        return _words(" ".join([self.step, self.command, self.error, *self.output_notes()]))

    def output_lines(self) -> list[str]:
        """The last lines that the failed command printed."""
        outputs = (each for each in self.output_notes() if each.startswith("last lines of"))
        return [line.strip() for each in outputs for line in each.split("\n")[1:]]

    def output_notes(self) -> list[str]:
        """The notes with what the failed command printed."""
        return [each for each in self.notes if not each.startswith("last lines of the console")]


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(each.lower() for each in _WORD.findall(text)) - _COMMON


@dataclass(frozen=True)
class _Call:
    machine: str
    arguments: dict[str, object]


def request_of(error: BaseException, machines: Sequence[str]) -> Request:
    """The request whose failure is `error`, an exception that has left the script.

    `machines`: the names of all machines.
    """
    cause = cause_of(error)
    step = failed_step(cause)
    lines = _lines_of(error) or _lines_of(cause)
    call = _call_of(cause) or _call_of(error)
    arguments = call.arguments if call else {}
    machine = (step.machine if step else None) or (call.machine if call else None)
    command = str(arguments.get("command") or "") or _commands_of(arguments)
    name = step.name if step else ""
    notes = tuple(failure.notes_of(cause))
    text = " ".join([command, name if not command else "", *(each.source for each in lines[-1:])])
    return Request(
        error=f"{cause}" or type(cause).__name__,
        lines=tuple(lines),
        machine=machine,
        step=name,
        command=command,
        arguments=arguments,
        notes=notes,
        elapsed=step.duration if step else 0.0,
        subjects=subjects_of(text, arguments, machines, machine),
    )


def cause_of(error: BaseException) -> BaseException:
    """The error that made the run fail: of several machines that of the first, and not SystemExit."""
    while isinstance(error, SystemExit) and error.__context__ is not None:
        error = error.__context__
    first = error.__cause__
    return first if first is not None and _call_of(first) else error


def _lines_of(error: BaseException) -> list[ScriptLine]:
    return [
        ScriptLine(number, linecache.getline(SCRIPT, number).strip())
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == SCRIPT
    ]


def _call_of(error: BaseException) -> _Call | None:
    """The outermost call of a machine's method through which the error came."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        machine = frame.f_locals.get("self")
        if isinstance(machine, BaseMachine) and not frame.f_code.co_name.startswith("_"):
            return _Call(machine.name, _arguments_of(frame))
    return None


def _arguments_of(frame: FrameType) -> dict[str, Any]:
    names, star, stars, values = inspect.getargvalues(frame)
    given = [*names, *(each for each in (star, stars) if each)]
    return {name: values[name] for name in given if name != "self" and name in values}


def _commands_of(arguments: Mapping[str, object]) -> str:
    commands = arguments.get("commands")
    return "\n".join(map(str, commands)) if isinstance(commands, tuple) else ""
