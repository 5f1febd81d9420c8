"""The files in the output directory of a run, to which the page links."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from charioteer.report import screens
from charioteer.trace.records import Trace

PAGE = "report.html"
_MOST_FILES = 2000
_LARGEST_IMAGE = 4 << 20
_MOST_IMAGE_BYTES = 24 << 20
"""Of all images that the page contains; it links to the others."""
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_CAPTURES = (".pcap", ".pcapng")


def of(trace: Trace, folder: Path) -> list[dict[str, Any]]:
    """The files below `folder`, those of steps with the step's number, images with their content.

    Links and files that cannot be read are left out.
    """
    steps = _steps_by_file(trace, folder)
    room = _MOST_IMAGE_BYTES
    found = []
    for file in _files(folder):
        name = str(file.relative_to(folder))
        try:
            size = file.stat().st_size
            image = _image(file, size) if size <= min(_LARGEST_IMAGE, room) else None
        except OSError:
            continue
        entry: dict[str, Any] = {"name": name, "href": "./" + quote(os.fsencode(name)),
                                 "size": size}  # fmt: skip
        if name in steps:
            entry["step"] = steps[name]
        if image is not None:
            entry["image"] = image
            room -= size
        if file.suffix in _CAPTURES:
            entry["capture"] = True
        found.append(entry)
    return found


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != screens.FOLDER)
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file() or path.name.startswith(PAGE):
                continue
            count += 1
            if count > _MOST_FILES:
                return
            yield path


def _steps_by_file(trace: Trace, folder: Path) -> dict[str, int]:
    """The step that made each file, by its path below `folder`, which may have been moved."""
    found = {}
    for span in trace.spans.values():
        if not span.fields.get("file"):
            continue
        file = Path(span.fields["file"])
        within = file.is_relative_to(folder)
        found[str(file.relative_to(folder) if within else file.name)] = span.number
    return found


def _image(file: Path, size: int) -> str | None:
    """The content of an image as a data URL; None for other files."""
    with file.open("rb") as opened:
        head = opened.read(8)
        kind = next((kind for magic, kind in _IMAGES.items() if head.startswith(magic)), None)
        if kind is None:
            return None
        content = head + opened.read(size)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
