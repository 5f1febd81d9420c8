"""Results of calls to the core as JSON: values and exceptions."""

import base64
import subprocess
from collections.abc import Callable
from typing import Any

from charioteer import _core as core


class NotRecordable(Exception):
    """The value cannot be stored. The text names its type."""


_TIMES = ("begun", "ended")
_OUTCOME = ("status", "signal", "output", "errors", "duration", "timed_out", *_TIMES)


class Piece:
    """A recorded `core.Piece`."""

    def __init__(self, is_errors: bool, data: bytes) -> None:
        self.is_errors = is_errors
        self.data = data


def encode(value: Any) -> Any:
    """`value` as what the module json can write. Raises NotRecordable."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [encode(each) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(each) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(each)] for key, each in value.items()]}
    if isinstance(value, core.Outcome):
        return {"outcome": [encode(getattr(value, name)) for name in _OUTCOME]}
    if isinstance(value, (core.Piece, Piece)):
        return {"piece": [value.is_errors, encode(bytes(value.data))]}
    if isinstance(value, core.ConsoleText):
        return {"console_text": [value.lines, value.rest]}
    raise NotRecordable(f"a value of the type {type(value).__name__}")


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "tuple": lambda items: tuple(decode(each) for each in items),
    "dict": lambda items: {decode(key): decode(each) for key, each in items},
    "outcome": lambda items: core.Outcome(**dict(zip(_OUTCOME, map(decode, items), strict=True))),
    "piece": lambda items: Piece(items[0], decode(items[1])),
    "console_text": lambda items: core.ConsoleText(*items),
}


def decode(stored: Any) -> Any:
    """The value that `encode` has stored. Raises ValueError, LookupError or TypeError for another one."""
    if isinstance(stored, list):
        return [decode(each) for each in stored]
    if not isinstance(stored, dict):
        return stored
    ((kind, content),) = stored.items()
    return _DECODERS[kind](content)


def _outcome_in(stored: Any) -> dict[str, Any] | None:
    """The fields of the outcome of a command; None for other values."""
    if not isinstance(stored, dict) or "outcome" not in stored:
        return None
    return dict(zip(_OUTCOME, stored["outcome"]))


def end_of(stored: Any) -> float | None:
    """When a command ended, by the clock of `time.monotonic()`; None for other values."""
    fields = _outcome_in(stored)
    return None if fields is None else fields["ended"]


def moved(stored: Any, seconds: float) -> Any:
    """The stored outcome of a command with times that are so much later; other values unchanged."""
    fields = _outcome_in(stored)
    if fields is None:
        return stored
    later = {name: fields[name] + seconds for name in _TIMES}
    return {"outcome": list({**fields, **later}.values())}


_ERRORS: tuple[type[Exception], ...] = (
    *(core.RequestedAssertionFailed, core.MachineError, core.ShellError, core.ConnectionLost),
    *(core.MachineTimeout, core.NotRunning, core.CopyFailed, core.QMPAPIError),
    *(subprocess.TimeoutExpired, TimeoutError, FileExistsError, FileNotFoundError),
    *(PermissionError, OSError, RuntimeError, ValueError, TypeError, StopIteration),
)
_BY_NAME = {each.__name__: each for each in _ERRORS}


def encode_error(error: BaseException) -> Any:
    """An exception as JSON. Raises NotRecordable for classes that calls to the core do not raise."""
    name = type(error).__name__
    if _BY_NAME.get(name) is not type(error):
        raise NotRecordable(f"an exception of the type {name}")
    arguments = error.args
    if isinstance(error, OSError) and error.filename is not None:
        arguments += (error.filename,)
    return {"type": name, "args": encode(arguments), "notes": getattr(error, "__notes__", [])}


def decode_error(stored: Any) -> Exception:
    """The exception that `encode_error` has stored, with its notes. Raises what `decode` does."""
    error = _BY_NAME[stored["type"]](*decode(stored["args"]))
    for note in stored["notes"]:
        error.add_note(note)
    return error
