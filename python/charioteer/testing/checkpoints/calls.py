"""The calls of the core's Machine that are recorded, and what makes two calls equal."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charioteer.testing.checkpoints.values import encode

_SHOWN = 160
"""Characters of a call in a message."""


@dataclass(frozen=True)
class CallKind:
    """How one method of the core is recorded."""

    parameters: tuple[str, ...]
    """All parameters in their order."""
    ignored: frozenset[str] = frozenset()
    """Parameters that do not change the result, such as time limits."""
    reads: str | None = None
    """The parameter with the path of a host's file that the call reads."""
    writes: str | None = None
    """The parameter with the path of a host's file that the call writes."""


def _kind(
    parameters: str = "", ignored: str = "", reads: str | None = None, writes: str | None = None
) -> CallKind:
    return CallKind(tuple(parameters.split()), frozenset(ignored.split()), reads, writes)


CALLS: dict[str, CallKind] = {
    # Life cycle
    "start": _kind(
        "allow_reboot arguments command full_command environment", ignored="environment"
    ),
    "connect": _kind(),
    "poweroff": _kind(),
    "crash": _kind(),
    "wait_for_shutdown": _kind("timeout", ignored="timeout"),
    # Commands
    "run": _kind("command input timeout keep_errors log_output", ignored="timeout log_output"),
    "execute": _kind(
        "command check_return check_output timeout log_output", ignored="timeout log_output"
    ),
    "append_by_shell": _kind("content file"),
    "wait_for_command": _kind("command success timeout", ignored="timeout"),
    "wait_for_probe": _kind("command success timeout hint", ignored="timeout"),
    "wait_for_unit": _kind("unit user timeout", ignored="timeout"),
    # Files
    "copy_in": _kind("source target", reads="source"),
    "copy_out": _kind("source target", writes="target"),
    # Monitors, keys, screen
    "monitor_command": _kind("command"),
    "qmp": _kind("command arguments"),
    "next_qmp_event": _kind("timeout", ignored="timeout"),
    "send_key": _kind("key"),
    "set_link": _kind("device up"),
    "forward_port": _kind("host_port guest_port"),
    "screenshot": _kind("path", writes="path"),
    # Serial console
    "console_log": _kind(),
    "console_tail": _kind("count"),
    "next_console_lines": _kind("timeout", ignored="timeout"),
    "next_console_text": _kind("timeout seen", ignored="timeout seen"),
    "consume_console_rest": _kind("mark", ignored="mark"),
    "send_console": _kind("data"),
}


@dataclass(frozen=True)
class Places:
    """The folders of one run, whose paths differ between a run and its repetition."""

    output: Path
    """Where the run's files from machines go."""
    run: Path
    """Where the machines' state and sockets are."""

    def neutral(self, text: str) -> str:
        """`text` with the names of these folders replaced."""
        return text.replace(str(self.output), "{output}").replace(str(self.run), "{run}")

    def neutral_path(self, path: str) -> str:
        """A path as `neutral` makes it; of a temporary file only its last part."""
        temporary = Path(tempfile.gettempdir())
        own = [each for each in (self.output, self.run) if each != temporary]
        if any(Path(path).is_relative_to(each) for each in own):
            return self.neutral(path)
        if Path(path).is_relative_to(temporary):
            return f"{{temporary}}/{Path(path).name}"
        return path


@dataclass(frozen=True)
class Call:
    """One call to a machine, as it is compared with recorded ones."""

    method: str
    key: str
    """A hash of the arguments that matter."""
    text: str
    """The call for a message."""


def bind(kind: CallKind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names, in the order of the parameters."""
    named = {**dict(zip(kind.parameters, args)), **kwargs}
    return {name: named[name] for name in kind.parameters if name in named}


def make(method: str, kind: CallKind, named: dict[str, Any], places: Places) -> Call:
    """The call of `method` with the arguments `named`. Raises OSError for an unreadable file."""
    compared: dict[str, Any] = {}
    for name, value in named.items():
        if name in kind.ignored or value is None:
            continue
        if name == kind.reads:
            compared["content"] = content_digest(Path(value))
            value = places.neutral_path(value)
        elif name == kind.writes:
            value = places.neutral_path(value)
        compared[name] = _neutral(value, places)
    key = hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:32]
    compared.pop("content", None)
    return Call(method, key, describe(method, compared))


def describe(method: str, compared: dict[str, Any]) -> str:
    """A call on one line: its method and the arguments that are compared."""
    shown = ", ".join(json.dumps(each, ensure_ascii=False) for each in compared.values())
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "..."
    return f"{method}({shown})"


def _neutral(value: Any, places: Places) -> Any:
    if isinstance(value, str):
        return places.neutral(value)
    if isinstance(value, (list, tuple)):
        return [_neutral(each, places) for each in value]
    return encode(value)


def content_digest(path: Path) -> str:
    """A hash of a file, or of all files, links and modes below a folder. Raises OSError."""
    state = hashlib.sha256()
    for part in _contents(path):
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()[:32]


def _contents(path: Path) -> Iterator[bytes]:
    """Mode and content of a file; for a folder the same with the path of everything below it."""
    yield b"%o" % path.stat().st_mode
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            yield os.fsencode(each.relative_to(path))
            if each.is_symlink():
                yield b"link"
                yield os.fsencode(each.readlink())
            else:
                yield b"%o" % each.stat().st_mode
                yield from _pieces(each)
    else:
        yield from _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    if path.is_file():
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece
