"""The sources of the site: the Markdown files of the repository, and the pages of the reference.

Files keep their places, so that links between them are the same as in the repository.
"""

import os
import re
import shutil
from pathlib import Path

LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
"""A link: its text and its target."""
_FENCE = re.compile(r"^ {0,3}(`{3,})")
START = "docs/README.md"
"""The page whose lists of links, by its headings, are the contents of the site."""


def is_elsewhere(target: str) -> bool:
    """Whether the target of a link is on another host."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*:", target))


def prose(text: str) -> list[tuple[int, str]]:
    """The lines outside of code blocks, with their numbers from 1."""
    found = []
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        match = _FENCE.match(line)
        if fence:
            if match and len(match[1]) >= len(fence):
                fence = ""
        elif match:
            fence = match[1]
        else:
            found.append((number, line))
    return found


def pages(root: Path) -> list[Path]:
    """The files of the repository that are pages, relative to its folder `root`."""
    named = [root / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    found = [*root.glob("docs/*.md"), *root.glob("examples/*/README.md"), *named]
    return sorted(file.relative_to(root) for file in found if file.exists())


def contents(text: str) -> list[tuple[str, list[str]]]:
    """The sections of the start page: their titles, and the targets of their lists of links."""
    sections: list[tuple[str, list[str]]] = []
    for _, line in prose(text):
        if line.startswith("## "):
            sections.append((line.removeprefix("## "), []))
        elif line.startswith("- ") and sections and (match := LINK.search(line)):
            sections[-1][1].append(match[2])
    return sections


def stage(root: Path, folder: Path, reference: list[str]) -> None:
    """Copies the pages and pictures of the repository `root` into `folder`.

    The pages of the reference are there already, in `reference`; they are added to the section of the
    start page with this title, in the order of their names in `reference`.
    """
    known = {*pages(root), *(file.relative_to(root) for file in root.glob("docs/*.json"))}
    for page in pages(root):
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_with_known_links((root / page).read_text(), page, known))
    for pictures in ("docs/drawings", "docs/pictures"):
        shutil.copytree(root / pictures, folder / pictures)
    shutil.copy(root / "docs/trace.schema.json", folder / "docs")
    files = sorted(folder.glob("reference/*.md"), key=lambda file: reference.index(file.stem))
    start = _with_reference((folder / START).read_text(), files)
    start = LINK.sub(lambda match: f"[{match[1]}]({_moved(match[2])})", start)
    (folder / "index.md").write_text(start + _tables_of_contents(start))
    (folder / START).unlink()


def _with_reference(text: str, files: list[Path]) -> str:
    """The start page with the pages of the reference at the end of the section of that title."""
    lines = []
    for file in files:
        title = file.read_text().split("\n")[0].removeprefix("# ")
        lines.append(f"- [{title}](../reference/{file.name})")
    before, heading, after = text.partition("\n## Reference\n")
    section, next_heading, rest = after.partition("\n## ")
    return (
        before + heading + section.rstrip() + "\n" + "\n".join(lines) + "\n" + next_heading + rest
    )


def _moved(target: str) -> str:
    """The target of a link of docs/, for a page in the folder of the site."""
    if is_elsewhere(target) or target.startswith("#"):
        return target
    return os.path.normpath(f"docs/{target}")


def _with_known_links(text: str, page: Path, known: set[Path]) -> str:
    """`text` without the links to files of the repository that are not on the site."""

    def changed(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        if is_elsewhere(target) or target.startswith("#"):
            return match[0]
        path = Path(os.path.normpath(page.parent / target.partition("#")[0]))
        if str(path) in (START, "README.md"):
            return f"[{label}]({os.path.relpath('index.md', page.parent)})"
        if path in known:
            return match[0]
        return label if f"`{path}`" == label else f"{label} (`{path}`)"

    lines = text.split("\n")
    for number, line in prose(text):
        lines[number - 1] = LINK.sub(changed, line)
    return "\n".join(lines)


def _tables_of_contents(text: str) -> str:
    parts = []
    for title, targets in contents(text):
        lines = ["", "```{toctree}", ":hidden:", f":caption: {title}", "", *targets, "```"]
        parts.append("\n".join(lines))
    return "\n".join(parts) + "\n"
