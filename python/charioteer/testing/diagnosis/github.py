"""GitHub Actions: the failure as an annotation of the run, and as its summary."""

import os
from collections.abc import Sequence
from pathlib import Path

_SUMMARY_LIMIT = 1024 * 1024
"""Bytes of a step's summary; GitHub refuses a longer one."""


def is_used() -> bool:
    """Whether this process runs in GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotate(title: str, script: Path, line: int | None) -> None:
    """Prints the annotation, which is shown beside the line of the script if that is in the checkout."""
    properties = ["title=Test failed"]
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    if workspace and script.resolve().is_relative_to(Path(workspace).resolve()):
        file = script.resolve().relative_to(Path(workspace).resolve())
        properties.insert(0, f"file={_escaped_property(str(file))}")
        if line is not None:
            properties.insert(1, f"line={line}")
    print(f"::error {','.join(properties)}::{_escaped(title)}", flush=True)


def summarize(title: str, first_screen: Sequence[str], details: Sequence[str]) -> None:
    """Appends to the summary: the cause first, then as many details as there is room for."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    head = f"### {_as_text(title)}\n\n{_fenced(first_screen)}\n"
    try:
        used = os.path.getsize(path) if os.path.exists(path) else 0
        room = _SUMMARY_LIMIT - used - len(head.encode()) - 200
        text, body = head, _bounded(details, room)
        if body:
            text += f"\n<details><summary>All findings and answers</summary>\n\n{_fenced(body)}\n</details>\n"
        with open(path, "a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        print(f"cannot write the summary of the job: {error}", flush=True)


def _bounded(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode(errors="replace")) + 1
        if room < 0:
            return [*kept, "..."] if kept else []
        kept.append(line)
    return kept


def _fenced(lines: Sequence[str]) -> str:
    """A block of code, whatever the lines contain."""
    text = "\n".join(lines)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}\n"


def _as_text(title: str) -> str:
    return "".join(f"\\{each}" if each in r"\`*_{}[]<>#|" else each for each in title)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
