"""The lines of a run that stay on the terminal: steps that have ended, messages, errors."""

from charioteer.style import Style, duration, one_line
from charioteer.testing.live.model import Step
from charioteer.testing.text import harmless

_DEEPEST = 6
_TIME = 8


class Lines:
    """Makes lines for a terminal of `width` columns, or of any width if that is None."""

    def __init__(self, style: Style, machine_width: int = 0) -> None:
        self._style = style
        self.width: int | None = None
        self._machine_width = machine_width

    def head(self, step: Step) -> str:
        """The line in front of the steps within a step."""
        begin = f"{_indent(step)}{self._style.symbols.begun} "
        return begin + self._style.paint(self._fit(step.name, len(begin)), "bold")

    def ended(self, step: Step, seconds: float, is_failed: bool) -> str:
        """The line of a step that has ended."""
        style, symbols = self._style, self._style.symbols
        symbol = symbols.failed if is_failed else symbols.passed
        time = f"{duration(seconds):>{_TIME}}"
        machine = self._machine(step)
        begin = _indent(step)
        used = len(begin) + 2 + _TIME + 2 + len(machine)
        role = "bad" if is_failed else "bold" if step.kind == "subtest" else "plain"
        return (
            f"{begin}{style.paint(symbol, 'bad' if is_failed else 'good')} "
            f"{style.paint(time, 'dim')}  {style.paint(machine, 'busy')}"
            f"{style.paint(self._fit(step.name, used), role)}"
        )

    def _machine(self, step: Step) -> str:
        if step.machine is None:
            return ""
        return f"{one_line(step.machine):<{self._machine_width}}  "

    def message(self, text: str, machine: str | None, depth: int, role: str = "plain") -> list[str]:
        """The lines of a message."""
        symbol = "!" if role == "warning" else self._style.symbols.note
        begin = "  " * min(max(depth, 0), _DEEPEST)
        about = "" if machine is None else self._style.paint(f"{one_line(machine)}: ", "busy")
        rows = harmless(text).split("\n")
        rest = [f"{begin}  {row}" for row in rows[1:]]
        return [f"{begin}{self._style.paint(symbol, role)} {about}{rows[0]}", *rest]

    def of_report(self, text: str) -> str:
        """A line of the report of a failure."""
        return harmless(text)

    def rule(self, text: str, role: str) -> str:
        """A line across the terminal that has a title."""
        dash = self._style.symbols.rule
        line = f"{dash * 2} {text} ".ljust(min(self.width or 72, 72), dash)
        return self._style.paint(line, role)

    def _fit(self, text: str, used: int) -> str:
        if self.width is None:
            return one_line(text, self._style.symbols.ellipsis)
        # The last column stays free, since some terminals wrap a line that ends there.
        return self._style.fit(text, max(self.width - used - 1, 8))


def _indent(step: Step) -> str:
    return "  " * min(step.depth, _DEEPEST)
