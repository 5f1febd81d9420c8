"""Checks the arguments of the methods that scripts call.

Arguments of the same name have the same type in all methods. Upstream formats most of them into
commands, so that paths and numbers are accepted as well as strings; other types are rejected by an
error of one line that names function, argument and value.
"""

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple, ParamSpec, TypeVar, get_args

from charioteer.testing.duration import as_duration, numbers_are_deprecated, seconds, warn_of_number

P = ParamSpec("P")
R = TypeVar("R")
Kind = Callable[[Any], Any]
"""Turns an argument into what the driver works with. Raises TypeError or ValueError with a text
that names the accepted values."""

_PACKAGE = os.path.dirname(__file__) + os.sep


def text(value: object) -> str:
    """A string, or a value that upstream would convert to one."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return path
    if isinstance(value, (int, float)):
        return str(value)
    raise TypeError("text, a path or a number")


def characters(value: object) -> Any:
    """Text, or a list of characters and names of keys."""
    if not isinstance(value, (str, list, tuple)):
        raise TypeError("text, or a list of keys")
    return value


def pattern(value: object) -> Any:
    """A regular expression for text."""
    source = value.pattern if isinstance(value, re.Pattern) else value
    if not isinstance(source, str):
        raise TypeError("a regular expression as text")
    return value


def port(value: object) -> int:
    """A port number."""
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 65536:
        raise TypeError("the number of a port, 0 to 65535")
    return number


def duration(value: object) -> Any:
    """A duration."""
    try:
        return as_duration(value)
    except (TypeError, ValueError):
        raise TypeError('seconds as a number, a timedelta, or text like "90" or "1m"') from None


def pause(value: object) -> float:
    """A duration in seconds."""
    return seconds(duration(value))


DURATIONS = frozenset(["timeout", "timeout_seconds", "attempt_timeout", "secs", "duration"])

KINDS: dict[str, Kind] = {
    # Commands and their arguments.
    **dict.fromkeys(["command", "commands", "q", "unit", "property", "require_state"], text),
    **dict.fromkeys(["state", "jobname", "user", "addr", "port", "tty", "name"], text),
    # Files.
    **dict.fromkeys(["filename", "source", "target", "target_dir"], text),
    # Keyboard, console, network.
    **dict.fromkeys(["key", "address"], text),
    "chars": characters,
    **dict.fromkeys(["regex", "regexp"], pattern),
    **dict.fromkeys(["host_port", "guest_port"], port),
    "delay": pause,
    # Converted to bool.
    **dict.fromkeys(["allow_reboot", "check_return", "check_output", "is_datagram"], bool),
    **dict.fromkeys(["keep_machine_state", "keep_vm_state"], bool),
    **dict.fromkeys(DURATIONS, duration),
}


class _Parameter(NamedTuple):
    name: str
    kind: Kind | None  # None: anything
    takes_none: bool


def _convert(function: str, parameter: _Parameter | None, value: Any) -> Any:
    """The converted argument. Raises TypeError."""
    if parameter is None or parameter.kind is None or (value is None and parameter.takes_none):
        return value
    if isinstance(value, bool) and parameter.name in DURATIONS:
        return as_duration(value)  # which refuses it in upstream's words
    try:
        return parameter.kind(value)
    except TypeError as error:
        raise TypeError(
            f"{function}(): argument '{parameter.name}' takes {error}, not {value!r}"
        ) from None


def _parameter(declared: inspect.Parameter) -> _Parameter:
    takes_none = type(None) in get_args(declared.annotation)
    return _Parameter(declared.name, KINDS.get(declared.name), takes_none)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator for functions that scripts call: converts each argument by its name, with KINDS.

    Raises TypeError with `NAME(): argument 'ARGUMENT' takes ..., not ...`. In runs of NixOS 26.11
    the function gets all durations as timedeltas, and a script's numbers cause a warning.
    """
    signature = inspect.signature(function)
    declared = signature.parameters.values()
    by_name = {each.name: _parameter(each) for each in declared}
    by_place = [by_name[each.name] for each in declared if each.kind is not each.KEYWORD_ONLY]
    last = next((by_name[each.name] for each in declared if each.kind is each.VAR_POSITIONAL), None)
    name: str = getattr(function, "__name__")

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        values: tuple[Any, ...] = args
        named: dict[str, Any] = kwargs
        if numbers_are_deprecated():
            values, named = _with_timedeltas(name, signature, args, kwargs)
        given = [
            _convert(name, by_place[place] if place < len(by_place) else last, value)
            for place, value in enumerate(values)
        ]
        named = {key: _convert(name, by_name.get(key), value) for key, value in named.items()}
        return function(*given, **named)

    return functools.wraps(function)(call)


def _with_timedeltas(
    function: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with numbers replaced by timedeltas. Called by `checked`, for whose caller the
    warning is."""
    bound = signature.bind(*args, **kwargs)
    for each in signature.parameters.values():
        value = bound.arguments.get(each.name, each.default)
        if each.name not in DURATIONS or not isinstance(value, (int, float)):
            continue
        if isinstance(value, bool):
            continue
        from_script = not sys._getframe(2).f_code.co_filename.startswith(_PACKAGE)
        if each.name in bound.arguments and from_script:
            warn_of_number(function, stacklevel=4)
        bound.arguments[each.name] = timedelta(seconds=value)
    return bound.args, bound.kwargs
