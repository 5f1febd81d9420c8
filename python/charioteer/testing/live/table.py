"""Rows of aligned cells for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from charioteer.style import Style, one_line

_GAP = "  "
_WIDEST_FIXED = 24


@dataclass(frozen=True)
class Cell:
    text: str
    role: str = "plain"
    """Its colour, as for Style.paint."""
    is_right: bool = False
    """Whether it is aligned to the right."""


def lines(rows: Sequence[Sequence[Cell]], style: Style, width: int) -> list[str]:
    """The rows, of equally many cells, in `width` columns.

    The last column gets what the others leave; these take at most a third each.
    """
    if not rows:
        return []
    most = min(_WIDEST_FIXED, width // 3)
    texts = [[one_line(cell.text, style.symbols.ellipsis) for cell in row] for row in rows]
    widths = [
        min(max(style.width(row[number]) for row in texts), most)
        for number in range(len(rows[0]) - 1)
    ]
    widths.append(max(width - sum(widths) - len(_GAP) * len(widths), 0))
    return [
        _GAP.join(
            _cell(cell, text, room, style) for cell, text, room in zip(row, row_texts, widths)
        ).rstrip()
        for row, row_texts in zip(rows, texts)
    ]


def _cell(cell: Cell, text: str, room: int, style: Style) -> str:
    shown = style.fit(text, room)
    padding = " " * (room - style.width(shown))
    # The padding is not coloured, so that it can be removed at the end of a line.
    painted = style.paint(shown, cell.role) if shown else ""
    return padding + painted if cell.is_right else painted + padding
