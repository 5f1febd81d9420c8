"""Answers of programs that are asked several questions at once, which costs a guest less."""

import re

_ADDRESS = re.compile(r"\d+: |\s")
_NEIGHBOUR = re.compile(
    r" (?:REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|PERMANENT|NOARP|NONE)(?: router| proxy)*\s*$"
)
# source, size, used, available, percent, inodes, used, free, percent, mount point
_COLUMNS = 10


def separated(sections: dict[str, str]) -> dict[str, str]:
    """The sections with `ip` as `addresses`, `routes` and `neighbours`, and with `filesystems` as
    `disks` and `inodes`, in the formats of `df -P`.
    """
    found: dict[str, str] = {}
    for name, text in sections.items():
        if name == "ip":
            found.update(_of_ip(text))
        elif name == "filesystems":
            found.update(_of_df(text))
        else:
            found[name] = text
    return found


def _of_ip(text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {"addresses": [], "routes": [], "neighbours": []}
    for line in text.split("\n"):
        if not line or _ADDRESS.match(line):
            found["addresses"].append(line)
        else:
            found["neighbours" if _NEIGHBOUR.search(line) else "routes"].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def _of_df(text: str) -> dict[str, str]:
    disks = ["Filesystem 1024-blocks Used Available Capacity Mounted on"]
    inodes = ["Filesystem Inodes IUsed IFree IUse% Mounted on"]
    for line in text.split("\n")[1:]:
        words = line.split(None, _COLUMNS - 1)
        if len(words) == _COLUMNS:
            source, *numbers, place = words
            disks.append(" ".join([source, *numbers[:4], place]))
            inodes.append(" ".join([source, *numbers[4:], place]))
    return {"disks": "\n".join(disks), "inodes": "\n".join(inodes)}
