"""How output for people looks on a terminal: symbols, colours, durations, texts of limited width."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

_ESCAPES = {
    "plain": "",
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "good": "\x1b[32m",
    "bad": "\x1b[31m",
    "warning": "\x1b[33m",
    "busy": "\x1b[36m",
}
_RESET = "\x1b[0m"
# As printable() of the testing package, and without line ends and tabs.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Symbols:
    """The characters of one column each, except for `ellipsis`."""

    passed: str = "✓"
    failed: str = "✗"
    begun: str = "▸"
    note: str = "·"
    up: str = "●"
    starting: str = "◐"
    off: str = "○"
    ellipsis: str = "…"
    rule: str = "─"


ASCII = Symbols("+", "x", ">", "-", "*", "o", ".", "...", "-")


@dataclass(frozen=True)
class Style:
    """What a terminal can show."""

    colours: bool = True
    symbols: Symbols = Symbols()

    def paint(self, text: str, role: str) -> str:
        """`text` in the colour of a role: plain, bold, dim, good, bad, warning or busy."""
        return f"{_ESCAPES[role]}{text}{_RESET}" if self.colours and _ESCAPES[role] else text

    def width(self, text: str) -> int:
        """The columns that a line takes."""
        if text.isascii():
            return len(text)
        from rich.cells import cell_len  # slow to import

        return cell_len(text)

    def fit(self, text: str, width: int) -> str:
        """The first line of `text`, without control characters and colours, in `width` columns."""
        line = one_line(text, self.symbols.ellipsis)
        if self.width(line) <= width:
            return line
        room = max(width - len(self.symbols.ellipsis), 0)
        if line.isascii():
            short = line[:room]
        else:
            from rich.cells import set_cell_size

            short = set_cell_size(line, room)
        return (short.rstrip() + self.symbols.ellipsis)[: max(width, 0)]


def style_for(environment: Mapping[str, str] = os.environ) -> Style:
    """What the user's terminal can show, by NO_COLOR and the locale."""
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), ""
    )
    is_unicode = "utf8" in locale.lower().replace("-", "")
    return Style(not environment.get("NO_COLOR"), Symbols() if is_unicode else ASCII)


def can_redraw(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal can move its cursor."""
    return environment.get("TERM", "dumb") not in ("", "dumb")


def one_line(text: str, ellipsis: str = "…") -> str:
    """`text` for one line: what follows the first line is left out, controls are escaped."""
    if text.isprintable():
        return text
    lines = text.strip("\n").split("\n")
    line = lines[0] if len(lines) == 1 else f"{lines[0].rstrip()} {ellipsis}"
    line = re.sub(r"\x1b\[[0-9;:]*m", "", line).replace("\t", " ")
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", line)


def duration(seconds: float) -> str:
    """A duration that has ended, for example "0.3 s", "3m 05s", "1h 02m"."""
    return f"{seconds:.1f} s" if seconds < 59.95 else elapsed(seconds)


def elapsed(seconds: float) -> str:
    """The time since something began, for example "3 s", "3m 05s", "1h 02m"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole // 60 % 60:02}m"
