"""What a suite shows while it runs: a line for each running test on a terminal, else a log."""

import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from charioteer.style import Style, can_redraw, duration, elapsed, style_for
from charioteer.suite.outcome import Outcome

_ROLES = {Outcome.PASSED: "good", Outcome.FAILED: "bad"}


@dataclass(frozen=True)
class Shown:
    """A run that is shown. `began`: on the monotonic clock."""

    label: str
    began: float
    memory: int
    """MB that it has taken at most; 0 if not known yet."""


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows the runs of a suite within the block."""

    def started(self, label: str) -> None:
        ...

    def ended(self, label: str, outcome: Outcome, seconds: float, reason: str, where: str) -> None:
        """`where`: the page or the folder of the run; empty if there is none."""

    def update(self, running: Iterable[Shown], waiting: int) -> None:
        """To be called at least once a second."""

    def write(self, line: str) -> None:
        """Writes a line above those of the running tests."""


def make() -> Progress:
    """For the standard output of this process."""
    style = style_for()
    if sys.stdout.isatty() and can_redraw():
        return LiveProgress(style)
    return LogProgress(Style(False, style.symbols))


class LogProgress(Progress):
    """A line when a run starts, and one when it has ended."""

    def __init__(self, style: Style) -> None:
        self._style = style

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        pass

    def started(self, label: str) -> None:
        self.write(f"{self._style.symbols.begun} {label}: started")

    def ended(self, label: str, outcome: Outcome, seconds: float, reason: str, where: str) -> None:
        self.write(_end_line(self._style, label, outcome, seconds, reason, where))

    def update(self, running: Iterable[Shown], waiting: int) -> None:
        pass

    def write(self, line: str) -> None:
        print(line, flush=True)


class LiveProgress(Progress):
    """The running tests stay below the lines of those that have ended."""

    def __init__(self, style: Style) -> None:
        from rich.console import Console
        from rich.live import Live

        self._style = style
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        # Drawn by `update`: a thread of its own could not end with the suite.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> "LiveProgress":
        self._live.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def started(self, label: str) -> None:
        pass

    def ended(self, label: str, outcome: Outcome, seconds: float, reason: str, where: str) -> None:
        self.write(_end_line(self._style, label, outcome, seconds, reason, where))

    def update(self, running: Iterable[Shown], waiting: int) -> None:
        from rich.text import Text

        width = max(self._console.width - 1, 1)
        room = max(self._console.height // 2, 3)
        shown = sorted(running, key=lambda each: each.began)
        lines = [self._line(each, width) for each in shown[:room]]
        totals = f"{len(shown)} running {self._style.symbols.note} {waiting} waiting"
        lines.append(self._style.paint(self._style.fit(totals, width), "dim"))
        self._live.update(Text.from_ansi("\n".join(lines)), refresh=True)

    def write(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(line))

    def _line(self, run: Shown, width: int) -> str:
        time_text = f"{elapsed(time.monotonic() - run.began):>8}"
        memory = f"{run.memory:>6} MB" if run.memory else " " * 9
        begin = f"{self._style.symbols.begun} {time_text}  {memory}  "
        name = self._style.fit(run.label, max(width - len(begin), 1))
        return self._style.paint(begin, "dim") + self._style.paint(name, "bold")


def _end_line(
    style: Style, label: str, outcome: Outcome, seconds: float, reason: str, where: str
) -> str:
    symbol = style.symbols.passed if outcome is Outcome.PASSED else style.symbols.failed
    text = style.paint(f"{symbol} {outcome}", _ROLES.get(outcome, "warning"))
    why = f": {reason}" if reason else ""
    place = style.paint(f"  {where}", "dim") if where else ""
    return f"{text} {duration(seconds):>8}  {label}{why}{place}"
