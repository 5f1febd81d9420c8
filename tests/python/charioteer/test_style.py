"""What a terminal can show, and texts that fit into it."""

import pytest
from charioteer.style import ASCII, Style, Symbols, can_redraw, duration, elapsed, style_for
from rich.cells import cell_len


@pytest.mark.parametrize(
    "environment, symbols",
    [
        ({"LANG": "en_GB.UTF-8"}, Symbols()),
        ({"LANG": "C", "LC_ALL": "C.utf8"}, Symbols()),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, ASCII),
        ({"LC_CTYPE": "de_DE.ISO-8859-1"}, ASCII),
        ({}, ASCII),
    ],
)
def test_symbols_follow_the_locale(environment: dict[str, str], symbols: Symbols) -> None:
    assert style_for(environment).symbols == symbols


@pytest.mark.parametrize("value, colours", [("1", False), ("0", False), ("", True)])
def test_no_color(value: str, colours: bool) -> None:
    assert style_for({"NO_COLOR": value}).colours is colours
    assert Style(colours).paint("x", "bad") == ("\x1b[31mx\x1b[0m" if colours else "x")


def test_a_dumb_terminal_cannot_redraw() -> None:
    assert can_redraw({"TERM": "xterm"})
    assert not can_redraw({"TERM": "dumb"})
    assert not can_redraw({})


@pytest.mark.parametrize("text", ["short", "x" * 100, "部分" * 50, "e\u0301" * 60, "", "日"])
@pytest.mark.parametrize("width", [1, 2, 3, 10, 80])
def test_fitted_text_is_no_wider_than_its_room(text: str, width: int) -> None:
    assert cell_len(Style().fit(text, width)) <= width
    assert cell_len(Style(symbols=ASCII).fit(text, width)) <= width


@pytest.mark.parametrize(
    "seconds, ended, so_far",
    [
        (0.04, "0.0 s", "0 s"),
        (59.9, "59.9 s", "59 s"),
        (59.96, "59 s", "59 s"),
        (61, "1m 01s", "1m 01s"),
        (3599.9, "59m 59s", "59m 59s"),
        (3725, "1h 02m", "1h 02m"),
    ],
)
def test_durations(seconds: float, ended: str, so_far: str) -> None:
    assert duration(seconds) == ended
    assert elapsed(seconds) == so_far
