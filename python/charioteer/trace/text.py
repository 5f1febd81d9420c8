"""Answers to queries as lines for people."""

import json
from typing import Any

from charioteer.trace.records import Record


def lines_of(answer: dict[str, Any]) -> list[str]:
    """The lines of an answer of `query.answer`; texts of guests are escaped."""
    lines = []
    for name, value in answer.items():
        if name == "items":
            lines += [_line(each) for each in value]
        elif value not in (None, [], {}) and name != "query":
            lines += _named(name.replace("_", " "), value)
    return lines


def _named(name: str, value: Any) -> list[str]:
    if isinstance(value, list):
        shown = [_line(each) if isinstance(each, dict) else _escaped(str(each)) for each in value]
        return [f"{name}:", *(f"  {each}" for each in shown)]
    if isinstance(value, dict):
        return [f"{name}: {_line(value) if 't' in value or 'step' in value else json.dumps(value)}"]
    return [f"{name}: {line}" for line in _escaped(str(value)).split("\\n")]


def _line(item: Record) -> str:
    """A step or a record in a line."""
    if "step" in item:
        where = f"line {item['line']}" if item.get("line") else "no line"
        head = f"{item['begin']:9.3f} {item['duration']:9.3f} s  {item['state']:6} {where:9}"
        text = str(item.get("name", ""))
    else:
        head = f"{item['t']:9.3f}  {item['kind']:8}"
        shown = {k: v for k, v in item.items() if k not in ("t", "kind", "machine", "text")}
        text = str(item.get("text", json.dumps(shown)))
    machine = f"{item['machine']}: " if item.get("machine") else ""
    error = f"  -- {item['error']}" if item.get("error") else ""
    return f"{head} {_escaped(machine + text + error)}"


def _escaped(text: str) -> str:
    """`text` in one line, without control characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
