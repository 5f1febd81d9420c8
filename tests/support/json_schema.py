"""Checks values against the keywords of JSON Schema that docs/trace.schema.json uses."""

from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_KNOWN = {
    "$schema", "title", "type", "const", "enum", "oneOf", "items", "properties", "required",
    "additionalProperties",
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], where: str = "it") -> list[str]:
    """What is wrong with `value`, a sentence for each problem."""
    unknown = set(schema) - _KNOWN
    assert not unknown, f"keywords that this module does not know: {unknown}"
    return list(_problems(value, schema, where))


def _problems(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    kind = schema.get("type")
    if kind is not None and not _is_of_type(value, kind):
        yield f"{where} is {value!r}, no {kind}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where} is {value!r}, not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, none of {schema['enum']}"
    if "oneOf" in schema:
        found = [problems(value, each, where) for each in schema["oneOf"]]
        if [] not in found:
            yield from min(found, key=len)
    if isinstance(value, list) and "items" in schema:
        for at, each in enumerate(value):
            yield from problems(each, schema["items"], f"{where}[{at}]")
    if isinstance(value, dict):
        yield from _of_object(value, schema, where)


def _is_of_type(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _of_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where} has no {name}"
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, each in value.items():
        if name in properties:
            yield from problems(each, properties[name], f"{where}.{name}")
        elif others is False:
            yield f"{where} has {name}, which is not in the schema"
        elif isinstance(others, dict):
            yield from problems(each, others, f"{where}.{name}")
