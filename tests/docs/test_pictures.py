"""The pictures of the README, which make pictures makes."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from site_scripts import ROOT

PICTURES = sorted((ROOT / "docs/pictures").iterdir())
SVG = "{http://www.w3.org/2000/svg}"


def text_of(picture: Path) -> str:
    """All that the picture shows as text, a line for each element."""
    return "\n".join(element.text or "" for element in ET.parse(picture).iter(f"{SVG}text"))


def picture(name: str) -> Path:
    return ROOT / "docs/pictures" / f"{name}.svg"


def test_there_are_two() -> None:
    assert [each.name for each in PICTURES] == ["recording.svg", "report.svg"]


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: str(file.name))
class TestPicture:
    def test_the_readme_shows_it(self, file: Path) -> None:
        assert f"](docs/pictures/{file.name})" in (ROOT / "README.md").read_text()

    def test_it_is_small(self, file: Path) -> None:
        assert file.stat().st_size < 150_000

    def test_it_is_well_formed_and_has_a_title(self, file: Path) -> None:
        root = ET.parse(file).getroot()
        assert root.tag == f"{SVG}svg" and root[0].tag == f"{SVG}title"
        assert root.get("role") == "img" and root.get("aria-label") == root[0].text

    def test_it_has_no_script_and_loads_nothing(self, file: Path) -> None:
        # GitHub shows no SVG that does.
        allowed = {
            "svg",
            "title",
            "style",
            "defs",
            "pattern",
            "g",
            "use",
            "rect",
            "path",
            "circle",
            "text",
        }
        assert {element.tag.removeprefix(SVG) for element in ET.parse(file).iter()} <= allowed
        for element in ET.parse(file).iter():
            assert not [name for name in element.attrib if name.startswith("on")]
            assert element.get("href", "#").startswith("#")
        style = "".join(element.text or "" for element in ET.parse(file).iter(f"{SVG}style"))
        assert "@import" not in style and set(re.findall(r"url\((.)", style)) <= {"#"}

    def test_what_it_refers_to_exists(self, file: Path) -> None:
        elements = list(ET.parse(file).iter())
        names = {element.get("id") for element in elements}
        used = {element.get("href", "#")[1:] for element in elements} - {""}
        used |= set(re.findall(r"url\(#(\w+)\)", file.read_text()))
        assert used <= names

    def test_it_names_no_folder_of_a_machine(self, file: Path) -> None:
        paths = re.findall(r"(?:/\w[\w.-]*){2,}", text_of(file))
        assert [path for path in paths if not path.startswith("/dev/")] == []


def test_the_recording_ends_with_a_run_that_has_passed() -> None:
    root = ET.parse(picture("recording")).getroot()
    lines = {
        element.get("id"): " ".join(text.text or "" for text in element.iter(f"{SVG}text"))
        for element in root.iter(f"{SVG}g")
        if element.get("id")
    }
    *_, last = (each for each in root.iter(f"{SVG}g") if "translate" in each.get("transform", ""))
    shown = [lines[use.get("href", "")[1:]] for use in last.iter(f"{SVG}use")]
    assert any(line.startswith("✓ passed in ") for line in shown), shown
    assert "12 of 12 pings passed" in shown


def test_the_report_has_the_cause_and_a_lane_for_each_machine() -> None:
    text = text_of(picture("report"))
    assert "command `nc -d mirror 80 > archive` failed (exit code 1)" in text
    assert "nothing listens on TCP port 80" in text
    for name in ("script", "client", "mirror", "server", "VLAN 1"):
        assert f"\n{name}\n" in text, name


def test_the_report_has_other_colours_on_dark_pages() -> None:
    style = picture("report").read_text()
    before, _, dark = style.partition("@media(prefers-color-scheme:dark)")
    first = re.compile(r"\.c0\{fill:([^}]*)\}")
    assert first.findall(before) and first.findall(dark)
    assert first.findall(before) != first.findall(dark)
