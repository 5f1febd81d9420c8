"""Objects from what was stored as JSON, which may be damaged."""

import functools
from collections.abc import Hashable, Mapping
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def made(kind: type[T], values: Any) -> T:
    """The object of the dataclass `kind` with these values of all fields, of the annotated types.

    Raises ValueError. The contents of mappings are not checked.
    """
    types = _types(cast(Hashable, kind))
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    if others := sorted(values.keys() ^ types.keys()):
        raise ValueError(
            f"the field {others[0]} is {'missing' if others[0] in types else 'unknown'}"
        )
    for name, expected in types.items():
        if not isinstance(values[name], expected):
            raise ValueError(f"the field {name} has the wrong type")
    return kind(**values)


@functools.cache
def _types(kind: Any) -> dict[str, tuple[type, ...]]:
    """The types that the value of each field may have."""
    return {name: _alternatives(hint) for name, hint in get_type_hints(kind).items()}


def _alternatives(hint: Any) -> tuple[type, ...]:
    if hint is Any:
        return (object,)
    if isinstance(hint, UnionType):
        return tuple(each for part in get_args(hint) for each in _alternatives(part))
    if get_origin(hint) is Mapping:
        return (dict,)
    return (int, float) if hint is float else (hint,)
