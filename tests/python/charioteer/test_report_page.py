"""The page of a run as a file: what it contains, and what guests cannot put into it."""

import base64
import hashlib
import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest
from charioteer.cli.program import main
from charioteer.errors import InputError
from charioteer.report import page

from support import traces

LIMIT = 2 << 20


class Elements(HTMLParser):
    """The elements of a page, with the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.inline.append((self.tags[-1][0], data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return traces.failed(tmp_path / "web")


def elements(folder: Path) -> Elements:
    return Elements(page.write(folder).read_text())


def test_a_text_of_a_guest_cannot_end_the_script_that_has_it(folder: Path) -> None:
    found = elements(folder)
    assert len(found.of("script")) == 2 and not found.of("img")
    _, data = found.inline[1]
    assert "<" not in data
    assert traces.HOSTILE in json.loads(data)["log"]["text"]


def test_the_policy_allows_only_the_script_and_the_style_of_the_page(folder: Path) -> None:
    found = elements(folder)
    (policy,) = (str(m["content"]) for m in found.of("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    for (kind, text), name in ((found.inline[0], "style-src"), (found.inline[2], "script-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy, kind
    assert "unsafe" not in policy and "http" not in policy


def test_nothing_is_loaded_from_elsewhere(folder: Path) -> None:
    found = elements(folder)
    assert all(str(each["href"]).startswith("data:") for each in found.of("link"))
    assert not found.of("iframe")
    assert not any("src" in each for each in found.of("script"))
    style = found.inline[0][1]
    assert "url(" not in style and "@import" not in style


def test_a_title_is_escaped(tmp_path: Path) -> None:
    text = page.write(traces.failed(tmp_path / "<i>&")).read_text()
    assert "<i>" not in text and "<h1>&lt;i&gt;&amp;</h1>" in text


def test_it_is_small_besides_its_data(folder: Path) -> None:
    text = page.write(folder).read_text()
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert data and len(text) - len(data[1]) < LIMIT


def test_only_its_owner_can_read_it(folder: Path) -> None:
    assert stat.S_IMODE(page.write(folder).stat().st_mode) == 0o600


def test_an_error_leaves_no_part_of_a_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "report.html").mkdir()
    with pytest.raises(OSError):
        page.write(folder)
    assert not (folder / "report.html.part").exists()


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    lone = {"kind": "console", "t": 1, "machine": "a", "text": "a\ud800b"}
    assert "a?b" in page.write(traces.write(tmp_path, [traces.header(), lone])).read_text()


def test_the_program_makes_the_page_of_a_killed_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_step = {"kind": "begin", "t": 1, "span": 1, "type": "step", "name": "wait"}
    folder = traces.write(tmp_path, [traces.header(), open_step])
    assert main(["trace", str(folder), "--format", "html"]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    other = tmp_path / "other.html"
    assert main(["trace", str(folder / "trace.jsonl"), "--format", "html", "-o", str(other)]) == 0
    assert other.read_bytes() == (folder / "report.html").read_bytes()
    assert "The trace has no result" in other.read_text()


def test_without_a_trace_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no trace"):
        page.write(tmp_path)
