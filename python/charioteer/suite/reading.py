"""Checked reading of the dataclasses of a result file."""

from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from enum import Enum
from types import UnionType
from typing import Any, NoReturn, get_args, get_origin

_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}
_MOST_SECONDS = 1e10
"""Numbers are durations or processors: with larger ones dates cannot be computed."""


def read(kind: Any, value: Any, where: str = "") -> Any:
    """`value`, which JSON has, as the type `kind`.

    Raises ValueError, whose text names the place, which begins with `where`, and what is expected.
    """
    if isinstance(kind, UnionType):
        return None if value is None else read(get_args(kind)[0], value, where)
    if get_origin(kind) is list:
        if not isinstance(value, list):
            _fail(where, "a list", value)
        (of,) = get_args(kind)
        return [read(of, each, f"{where}[{index}]") for index, each in enumerate(value)]
    if is_dataclass(kind):
        return _object(kind, value, where)
    if kind is date:
        return _date(value, where)
    if issubclass(kind, Enum):
        known = {str(each.value): each for each in kind}
        if not isinstance(value, str) or value not in known:
            _fail(where, f"one of {', '.join(known)}", value)
        return known[value]
    if kind is float:
        # A NaN is not in the range.
        if type(value) not in (int, float) or not 0 <= value < _MOST_SECONDS:
            _fail(where, "a number from 0", value)
        return float(value)
    if type(value) is not kind:
        _fail(where, _NAMES[kind], value)
    return value


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        _fail(where, "an object", value)
    prefix = f"{where}." if where else ""
    known = {each.name: each for each in fields(kind)}
    for name in value:
        if name not in known:
            _fail(f"{prefix}{name}", f"one of the fields {', '.join(known)}")
    for name, each in known.items():
        if name not in value and each.default is MISSING and each.default_factory is MISSING:
            _fail(f"{prefix}{name}", "a value")
    return kind(
        **{
            name: read(known[name].type, content, f"{prefix}{name}")
            for name, content in value.items()
        }
    )


def _date(value: Any, where: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        _fail(where, "a date as 2027-01-31", value)


def _fail(where: str, expected: str, *got: object) -> NoReturn:
    text = "".join(f", got {each!r}"[:80] for each in got)
    raise ValueError(f"{where}: expected {expected}{text}")
