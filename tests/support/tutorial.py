"""The blocks of a tutorial in Markdown: files that the reader writes, and commands with their output."""

import re
from dataclasses import dataclass, field

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`(\w+/\w+\.\w+)`")
_STATUS = re.compile(r"\[exit status (\d+)\]")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>78]")
_DURATIONS = re.compile(r"\b(?:\d+h \d+m|\d+m \d+s|\d+(?:\.\d+)? s)\b")
_NUMBERS = re.compile(r"\d+(\.\d+)?")


@dataclass
class Written:
    """A file that the reader writes."""

    name: str
    text: str


@dataclass
class Commands:
    """Commands that the reader types, and what the tutorial shows of their output."""

    lines: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    status: int = 0


def blocks(text: str) -> list[Written | Commands]:
    """All code blocks, in their order. A file's name is the last one in the text before its block."""
    found: list[Written | Commands] = []
    end = 0
    for match in _BLOCK.finditer(text):
        before = text[end : match.start()]
        end = match.end()
        if match[1] == "console":
            found.append(_commands(match[2]))
            continue
        names = _FILE.findall(before)
        assert names, f"no name of a file stands before the block:\n{match[0]}"
        found.append(Written(names[-1], match[2]))
    return found


def _commands(text: str) -> Commands:
    made = Commands()
    for line in text.splitlines():
        if line.startswith("$ "):
            made.lines.append(line.removeprefix("$ "))
        elif status := _STATUS.fullmatch(line):
            made.status = int(status[1])
        else:
            made.output.append(line)
    return made


def missing(expected: list[str], output: str) -> str | None:
    """The first line of `expected` that is not in `output` after those before it; None if all are.

    `...` stands for any lines, or for the rest of a line. Numbers, durations, spaces and colours do not
    count.
    """
    lines = [_plain(line) for line in re.split(r"[\r\n]+", _ESCAPES.sub("", output))]
    for line in expected:
        if line == "...":
            continue
        pattern = ".*".join(re.escape(_plain(part)) for part in line.split("..."))
        found = next((n for n, each in enumerate(lines) if re.search(pattern, each)), None)
        if found is None:
            return line
        lines = lines[found + 1 :]
    return None


def _plain(line: str) -> str:
    return " ".join(_NUMBERS.sub("0", _DURATIONS.sub("0 s", line)).split())
