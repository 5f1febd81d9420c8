"""The SVG of make-pictures: recordings of terminals, and shapes of pages."""

import importlib
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "scripts"))

page_drawing: Any = importlib.import_module("page_drawing")
recording: Any = importlib.import_module("recording")

SVG = "{http://www.w3.org/2000/svg}"
FRAMES = [
    recording.Frame(0.2, ("\x1b[32m✓\x1b[0m   1.0 s  a < b",)),
    recording.Frame(30, ("same", "\x1b[1mmore\x1b[0m")),
    recording.Frame(1, ("same",)),
]


class TestRuns:
    """What a line of a terminal is taken apart into."""

    def test_symbols_and_columns_are_runs_of_their_own(self) -> None:
        assert recording.runs("✓   1.0 s  must succeed") == [
            (0, "", "✓"),
            (4, "", "1.0 s"),
            (11, "", "must succeed"),
        ]

    def test_escape_sequences_take_no_column(self) -> None:
        line = "\x1b[1m\x1b[32mgood\x1b[0m plain \x1b[2;31mbad\x1b[39m dim"
        assert recording.runs(line) == [
            (0, "bold good", "good"),
            (5, "", "plain"),
            (11, "bad dim", "bad"),
            (15, "dim", "dim"),
        ]


class TestFrames:
    """Which screens are kept, and for how long."""

    def test_screens_stay_until_the_next(self) -> None:
        kept = recording.frames_of([(10, ("a",)), (12, ("b",))], 15)
        assert kept == [recording.Frame(2, ("a",)), recording.Frame(3, ("b",))]

    def test_of_screens_that_only_count_few_are_kept(self) -> None:
        counting = [(second, (f"booting {second:3} s",)) for second in range(8)]
        kept = recording.frames_of([*counting, (7.5, ("ready",))], 8)
        assert [frame.screen[0][-3:] for frame in kept] == ["0 s", "3 s", "6 s", "ady"]
        assert [frame.seconds for frame in kept] == [3, 3, 1.5, 0.5]


class TestRecording:
    """The SVG of three frames."""

    @pytest.fixture
    def text(self) -> str:
        return str(recording.drawing("run & show", FRAMES))

    def test_it_is_well_formed(self, text: str) -> None:
        root = ET.fromstring(text)
        assert root[0].text == "run & show"
        assert "a < b" in {element.text for element in root.iter(f"{SVG}text")}

    def test_a_line_of_several_frames_is_there_once(self, text: str) -> None:
        assert text.count(">same<") == 1 and text.count("<use ") == 4

    def test_long_waits_are_shortened(self, text: str) -> None:
        # 0.2 s, 0.5 s in place of 30 s, and the rest at the end.
        assert "animation:film 7.7s" in text
        begins = re.findall(r"([\d.]+)%\{", text)
        assert begins == ["0", f"{20 / 7.7:.4g}", f"{70 / 7.7:.4g}"]

    def test_without_animation_the_last_frame_is_shown(self, text: str) -> None:
        *_, last = re.findall(r"<g transform=\"translate\((\d+)\)\">", text)
        assert f".film{{transform:translate(-{last}px)" in text


class TestPage:
    """The SVG of the shapes of a page."""

    LIGHT: dict[str, Any] = {
        "kind": "rect",
        "x": 1.0,
        "y": 2.5,
        "width": 3,
        "height": 4,
        "fill": "white",
    }
    TEXT: dict[str, Any] = {
        "kind": "text",
        "text": "a<b",
        "x": 0,
        "y": 9,
        "width": 20,
        "size": 12,
        "fill": "black",
    }

    def drawn(self, light: dict[str, Any], dark: dict[str, Any]) -> str:
        drawing = page_drawing.Drawing("a page", (10, 10))
        drawing.add([light], [dark])
        return str(drawing.text)

    def test_colours_follow_the_scheme(self) -> None:
        text = self.drawn(self.LIGHT, {**self.LIGHT, "fill": "black"})
        assert '<rect class="c0" x="1" y="2.5" width="3" height="4"/>' in text
        light, dark = text.split("@media(prefers-color-scheme:dark)")
        assert ".c0{fill:white}" in light and ".c0{fill:black}" in dark

    def test_text_has_the_width_that_it_has_on_the_page(self) -> None:
        text = self.drawn(self.TEXT, self.TEXT)
        assert 'textLength="20">a&lt;b</text>' in text
        ET.fromstring(text)

    def test_shapes_on_a_canvas_are_where_the_canvas_is(self) -> None:
        text = self.drawn(
            {**self.LIGHT, "dx": 100, "dy": 200}, {**self.LIGHT, "dx": 100, "dy": 200}
        )
        assert 'x="101" y="202.5"' in text

    def test_patterns_are_defined_once(self) -> None:
        striped = {**self.LIGHT, "fill": {"tile": [self.LIGHT]}}
        drawing = page_drawing.Drawing("a page", (10, 10))
        drawing.add([striped, striped], [striped, striped])
        assert drawing.text.count("<pattern ") == 1 and "fill:url(#p0)" in drawing.text

    def test_schemes_with_other_shapes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="the schemes differ"):
            self.drawn(self.LIGHT, {**self.LIGHT, "width": 4})
