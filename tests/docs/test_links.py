"""Links between the Markdown files of the repository, as a repository browser follows them."""

import re
from pathlib import Path

import pytest
from site_scripts import ROOT, sources

HEADING = re.compile(r"^ {0,3}#{1,6} +(.*?)(?: +#+)?$")
PAGES = sorted(
    file
    for pattern in ("*.md", "docs/*.md", "examples/**/*.md", "tests/**/*.md", "machines/**/*.md")
    for file in ROOT.glob(pattern)
)


def anchors(text: str) -> set[str]:
    """The anchors of all headings, as GitHub names them."""
    found: set[str] = set()
    for _, line in sources.prose(text):
        if match := HEADING.match(line):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).replace("`", "")
            name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            number = 0
            while (unique := f"{name}-{number}" if number else name) in found:
                number += 1
            found.add(unique)
    return found


def wrong_links(page: Path, root: Path) -> list[str]:
    """The links of `page` that lead nowhere, with their lines."""
    wrong = []
    for number, line in sources.prose(page.read_text()):
        without_code = re.sub(r"`[^`]*`", "`", line)
        for _, target in re.findall(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)", without_code):
            if sources.is_elsewhere(target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            if not file.is_relative_to(root) or not file.exists():
                wrong.append(f"{page.name}:{number}: {target} does not exist")
            elif anchor and anchor not in anchors(file.read_text()):
                wrong.append(f"{page.name}:{number}: {target} is no heading")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert wrong_links(page, ROOT) == []


def test_wrong_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Two words, `and` more\n# Same\n# Same\n")
    page = tmp_path / "a.md"
    page.write_text(
        "[x](b.md) [x](b.md#two-words-and-more) [x](b.md#same-1) [x](https://nowhere.example)\n"
        "[x](c.md) ![x](d.svg)\n[x](b.md#three) `[x](e.md)`\n[x](../f.md)\n```\n[x](g.md)\n```\n"
    )
    assert wrong_links(page, tmp_path) == [
        "a.md:2: c.md does not exist",
        "a.md:2: d.svg does not exist",
        "a.md:3: b.md#three is no heading",
        "a.md:4: ../f.md does not exist",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_one_title(page: Path) -> None:
    titles = [line for _, line in sources.prose(page.read_text()) if line.startswith("# ")]
    assert len(titles) == 1, "the contents of the site have each title of a page"


def test_the_start_page_has_every_page() -> None:
    start = ROOT / sources.START
    listed = {
        (start.parent / target).resolve()
        for _, targets in sources.contents(start.read_text())
        for target in targets
    }
    pages = {ROOT / page for page in sources.pages(ROOT)} - {start}
    assert pages == listed
