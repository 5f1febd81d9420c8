"""Answers of guests, made from pieces of their output, for the tests of the diagnosis."""

from collections.abc import Iterable
from typing import Any

from charioteer.testing.diagnosis.answer import Answer, Outside
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding
from charioteer.testing.diagnosis.request import Request
from charioteer.testing.diagnosis.subjects import Subjects

NOW = 1_764_460_800.0
"""The host's time when the machines were asked."""
UPTIME = 100.0


def answer(
    machine: str = "server",
    files: dict[str, str] | None = None,
    outside: Outside = Outside(),
    **sections: str,
) -> Answer:
    """The answers of a guest that has been up for 100 s; `_` in names of sections is `-`."""
    contents = {"/proc/uptime": f"{UPTIME} 90.0\n", **(files or {})}
    text = "".join(f"==> {name} <==\n{content}\n" for name, content in contents.items())
    named = {name.replace("_", "-"): content for name, content in sections.items()}
    return Answer(machine, {"files": text, **named}, NOW, 0.0, outside)


def request(machine: str | None = "server", **fields: Any) -> Request:
    """A request that failed; `units`, `ports`, `files` and `hosts` are its subjects."""
    subjects = {
        name: tuple(fields.pop(name))
        for name in ("units", "ports", "files", "hosts")
        if name in fields
    }
    defaults: dict[str, Any] = {"error": "it failed", "step": "a step", "elapsed": 5.0}
    return Request(machine=machine, subjects=Subjects(**subjects), **{**defaults, **fields})


def case(asked: Request, *answers: Answer) -> Case:
    return Case(asked, {each.machine: each for each in answers})


def texts(findings: Iterable[Finding]) -> list[str]:
    return [each.text for each in findings]
