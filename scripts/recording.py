"""Recordings of terminals: what a program shows over time, as one animated SVG."""

import html
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.terminal import Terminal

Screen = tuple[str, ...]
"""The lines of a terminal, with escape sequences for colours."""

SIZE = (84, 23)
"""Columns and rows."""
# Seconds between two looks at the terminal, and between screens that differ by their numbers only.
_INTERVAL = 0.12
_COUNTING = 3.0
# Seconds for which a screen is shown at most, and the last one.
_LONGEST = 0.5
_REST = 7.0
# Pixels: the width and height of a letter, what is around them, and the bar above.
_COLUMN, _ROW = 8.4, 18
_MARGIN = 14
_BAR = 34
_COLOURS = {"31": "bad", "32": "good", "33": "warning", "36": "busy"}
_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
# Symbols stand alone, since viewers take them from a font of another width; columns, too.
_RUN = re.compile(r"[!-~](?:[!-~]| (?! ))*|[^\x00-\x7f]")
_STYLE = """\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;fill:#dbe2e9;\
white-space:pre}
.bold{font-weight:700}.dim{fill:#8d99a5}.good{fill:#5fcaa8}.bad{fill:#ff9466}.warning{fill:#f0bd52}\
.busy{fill:#7db4f0}.name{fill:#aab4be}"""


@dataclass(frozen=True)
class Frame:
    """A screen, and for how many seconds it was there."""

    seconds: float
    screen: Screen


def record(command: Sequence[str], env: Mapping[str, str], folder: Path) -> list[Frame]:
    """Runs a program of the build, which has to succeed, in a terminal, and returns what it shows."""
    terminal = Terminal(command, env, folder, SIZE)
    screens: list[tuple[float, Screen]] = []
    try:
        ended = False
        while not ended:
            ended = terminal.has_ended
            screen = tuple(line.rstrip() for line in terminal.coloured.rstrip("\n").split("\n"))
            if any(screen) and (not screens or screens[-1][1] != screen):
                screens.append((time.monotonic(), screen))
            time.sleep(_INTERVAL)
        terminal.expect(0)
    finally:
        terminal.end()
    return frames_of(screens, time.monotonic())


def frames_of(screens: Sequence[tuple[float, Screen]], end: float) -> list[Frame]:
    """The frames of screens, each with the time at which it came, up to the time `end`, in seconds.

    Of screens that only count seconds, one of every three seconds is kept.
    """
    kept: list[tuple[float, Screen]] = []
    for begin, screen in screens:
        if kept and begin - kept[-1][0] < _COUNTING and _words(screen) == _words(kept[-1][1]):
            continue
        kept.append((begin, screen))
    ends = [begin for begin, _ in kept[1:]] + [end]
    return [Frame(until - begin, screen) for until, (begin, screen) in zip(ends, kept)]


def _words(screen: Screen) -> list[str]:
    return [re.sub(r"[\d ]+", " ", _ESCAPE.sub("", line)) for line in screen]


def runs(line: str) -> list[tuple[int, str, str]]:
    """The texts of a line: for each its column, the names of its colours, and the text."""
    found: list[tuple[int, str, str]] = []
    column, classes = 0, ""
    at = 0
    for escape in [*_ESCAPE.finditer(line), None]:
        text = line[at : escape.start() if escape else None]
        for match in _RUN.finditer(text):
            found.append((column + match.start(), classes, match[0].rstrip()))
        column += len(text)
        if escape:
            classes, at = _classes(classes, escape[1]), escape.end()
    return found


def _classes(before: str, codes: str) -> str:
    names = set(before.split())
    for code in codes.split(";"):
        if code in ("", "0"):
            names.clear()
        elif code in ("1", "2"):
            names.add("bold" if code == "1" else "dim")
        elif code == "22":
            names -= {"bold", "dim"}
        elif code == "39" or code in _COLOURS:
            names -= set(_COLOURS.values())
            names |= {_COLOURS[code]} if code in _COLOURS else set()
    return " ".join(sorted(names))


def _line(text: str) -> str:
    """The elements of a line, at the origin."""
    elements = []
    for column, classes, run in runs(text):
        named = f' class="{classes}"' if classes else ""
        # So that columns are those of the terminal, whatever the font's.
        length = f' textLength="{len(run) * _COLUMN:.4g}"' if len(run) > 3 else ""
        x = f"{column * _COLUMN:.4g}"
        elements.append(f'<text x="{x}"{named}{length}>{html.escape(run, False)}</text>')
    return "".join(elements)


def drawing(title: str, frames: Sequence[Frame]) -> str:
    """The SVG of a recording: all frames side by side, of which the window shows one after the other.

    Waits are shortened. Viewers that do not move pictures show the last frame.
    """
    columns, rows = SIZE
    width, height = round(columns * _COLUMN) + 2 * _MARGIN, rows * _ROW + _BAR + 2 * _MARGIN - 8
    names: dict[str, str] = {}
    film = [_frame(frame, number * width, names) for number, frame in enumerate(frames)]
    named = html.escape(title)
    dots = "".join(f'<circle cx="{18 + 18 * at}" cy="17" r="5.5"/>' for at in range(3))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{named}">',
            f"<title>{named}</title>",
            f"<style>{_STYLE}",
            f"{_animation(frames, width)}</style>",
            "<defs>",
            *(f'<g id="{name}">{_line(line)}</g>' for line, name in names.items()),
            "</defs>",
            f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="9" fill="#14191e" '
            'stroke="#434d58"/>',
            f'<path d="M1 {_BAR}H{width - 1}" stroke="#2a3139"/><g fill="#434d58">{dots}</g>',
            f'<text class="name" x="{width / 2:g}" y="22" text-anchor="middle">{named}</text>',
            f'<svg x="{_MARGIN}" y="{_BAR + 4}" width="{width - 2 * _MARGIN}" '
            f'height="{rows * _ROW + 6}"><g class="film">',
            *film,
            "</g></svg>",
            "</svg>\n",
        ]
    )


def _frame(frame: Frame, x: int, names: dict[str, str]) -> str:
    """The element of a frame; `names` are those of the lines, to which it adds."""
    uses = [
        f'<use href="#{names.setdefault(line, f"l{len(names)}")}" y="{row * _ROW}"/>'
        for row, line in enumerate(frame.screen, 1)
        if line
    ]
    return f'<g transform="translate({x})">{"".join(uses)}</g>'


def _animation(frames: Sequence[Frame], width: int) -> str:
    """The style that moves the film; `width` is that of a frame in pixels."""
    shown = [min(frame.seconds, _LONGEST) for frame in frames[:-1]]
    total = sum(shown) + _REST
    keys = "".join(
        f"{sum(shown[:number]) / total * 100:.4g}%{{transform:translate(-{number * width}px)}}"
        for number in range(len(frames))
    )
    return (
        f".film{{transform:translate(-{(len(frames) - 1) * width}px);"
        f"animation:film {total:.4g}s step-end infinite}}\n@keyframes film{{{keys}}}\n"
        "@media(prefers-reduced-motion:reduce){.film{animation:none}}"
    )
