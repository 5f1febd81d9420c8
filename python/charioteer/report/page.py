"""The page as one file: its skeleton with style, program and data inside."""

import base64
import hashlib
import json
import os
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from charioteer.report import model
from charioteer.report.files import PAGE
from charioteer.trace import records
from charioteer.trace.records import FILE_NAME, Trace

_PARTS = Path(__file__).parent / "page"
# In the order in which they are concatenated: each uses what is defined in those before.
_SCRIPTS = ("dom", "format", "data", "store", "filter", "lanes", "painter", "timeline",
            "timeline_input", "list", "steps_view", "log_view", "script_view", "files_view",
            "excerpt", "detail", "cause", "header", "machines", "live", "main")  # fmt: skip
_NOT_BEGUN = Trace([{"kind": "run", "t": 0, "wall": "1970-01-01T00:00:00+00:00"}])
_STYLES = ("base", "machines", "timeline", "lists", "detail")


def write(run: Path, target: Path | None = None) -> Path:
    """Makes the page of a run, whose trace or output directory is `run`; returns its path.

    `target`: the file to write, by default PAGE beside the trace. It can be read by its owner only,
    as the trace, and appears at once. Links of the page are relative to the trace. Raises OSError,
    InputError.
    """
    folder = run if run.is_dir() else run.parent
    content = render(records.load(run), folder)
    target = target or folder / PAGE
    partial = target.with_name(f"{target.name}.part")
    partial.unlink(missing_ok=True)
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return target


def remove(folder: Path) -> None:
    """Removes the page of an earlier run from `folder`. Raises OSError."""
    (folder / PAGE).unlink(missing_ok=True)


def render_live(folder: Path) -> bytes:
    """The page of a running test, which asks the server that has sent it for new data.

    Raises OSError, InputError.
    """
    trace = _NOT_BEGUN if not (folder / FILE_NAME).exists() else records.load(folder)
    return render(trace, folder, is_live=True)


def data_of(folder: Path) -> tuple[str, str]:
    """The data of the page as JSON, and the status of the run. Raises OSError, InputError."""
    trace = records.load(folder)
    return _json(model.of(trace, folder)).encode("utf-8", "replace").decode(), trace.status


def render(trace: Trace, folder: Path, is_live: bool = False) -> bytes:
    """The page. `folder`: the output directory, whose files it links to."""
    data = model.of(trace, folder)
    program = _program()
    style = _style()
    cause = data["cause"]
    text = Template((_PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(data["title"]),
        status=escape(data["status"]),
        cause=escape(cause["text"] if cause else "The run has passed."),
        json=_json(data),
        program=program,
        style=style,
        program_hash=_hash(program),
        style_hash=_hash(style),
        live_attribute=" data-live" if is_live else "",
        live_sources=" 'self'; connect-src 'self'" if is_live else "",
    )
    # A text of the trace may have a lone surrogate, which UTF-8 does not have.
    return text.encode("utf-8", "replace")


def _program() -> str:
    return '"use strict";\n(() => {\n' + _joined(_SCRIPTS, "js") + "})();\n"


def _style() -> str:
    dark = _joined(("dark",), "css")
    as_system = dark.replace('"dark"', '"auto"')
    return f"{_joined(_STYLES, 'css')}\n{dark}\n@media (prefers-color-scheme: dark) {{\n{as_system}}}\n"


def _joined(names: tuple[str, ...], suffix: str) -> str:
    return "\n".join((_PARTS / f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline script or style that is allowed."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(data: dict[str, Any]) -> str:
    """`data` for the inside of a script element, which no text within it can end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
