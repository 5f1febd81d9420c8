"""What the step expects on one machine, and another machine has."""

from collections.abc import Callable, Iterator

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity
from charioteer.testing.diagnosis.sockets import listeners_of, targets
from charioteer.testing.diagnosis.units import units_of

SOURCE = "wrong_machine"


def findings(case: Case) -> Iterator[Finding]:
    own = case.failed
    if own is None:
        return
    for unit in case.request.subjects.units:
        if not _has_unit(own, unit):
            yield from _elsewhere(case, [own], f"the unit {unit} is active", unit, _has_unit)
    for port in case.request.subjects.ports:
        expected = targets(case)
        if expected and not any(_has_port(each, port) for each in expected):
            yield from _elsewhere(case, expected, f"port {port} is open", port, _has_port)
    for file in case.request.subjects.files:
        if f"missing {file}" in own.lines("paths"):
            yield from _elsewhere(case, [own], f"the file {file} exists", file, _has_file)


def _elsewhere(
    case: Case, expected: list[Answer], what: str, name: str, has: Callable[[Answer, str], bool]
) -> Iterator[Finding]:
    others = [each for each in case.answers.values() if each not in expected]
    found = [each.machine for each in others if has(each, name)]
    if found:
        here = ", ".join(each.machine for each in expected)
        yield Finding(
            f"{what} on {', '.join(found)}, and not on {here}, where the step expects it",
            Severity.FATAL, SOURCE, expected[0].machine,
            (f"has it: {', '.join(found)}; does not: {here}",), frozenset([name, *found]),
        )  # fmt: skip


def _has_unit(answer: Answer, unit: str) -> bool:
    return any(
        each["Id"] == unit and each.get("ActiveState") in ("active", "activating", "reloading")
        for each in units_of(answer)
    )


def _has_port(answer: Answer, port: str) -> bool:
    return any(each.port == port for each in listeners_of(answer))


def _has_file(answer: Answer, file: str) -> bool:
    return any(
        each.endswith(f" {file}") and not each.startswith("missing")
        for each in answer.lines("paths")
    )
