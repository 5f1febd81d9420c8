"""The messages that docs/troubleshooting.md explains are those of the code."""

import re
from pathlib import Path

import pytest
from site_scripts import ROOT

HEADINGS = re.findall(
    r"^### (`+)(.+)\1$", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE
)
FOLDERS = ("driver", "python")


def text_of(file: Path) -> str:
    """The source, with the texts that it puts together from several lines, and without escapes."""
    joined = re.sub(r'"\s*\n\s*f?"', "", file.read_text())
    return joined.replace('\\"', '"')


@pytest.fixture(scope="module")
def code() -> str:
    files = [
        file
        for folder in FOLDERS
        for suffix in ("cpp", "hpp", "py")
        for file in (ROOT / folder).rglob(f"*.{suffix}")
    ]
    return "\n".join(map(text_of, files))


@pytest.mark.parametrize("message", [message for _, message in HEADINGS])
def test_the_code_has_the_message(message: str, code: str) -> None:
    parts = [part for part in message.split("...") if len(part.strip()) > 2]
    assert parts, "nothing is left to look for"
    for part in parts:
        assert part in code


def test_there_are_messages() -> None:
    assert len(HEADINGS) > 20
