"""All fields of knowledge together."""

from collections.abc import Callable, Iterable, Iterator

from charioteer.testing.diagnosis import (
    clock,
    collectors,
    command,
    crashes,
    host,
    kubernetes,
    network,
    reachability,
    resources,
    sockets,
    units,
    wrong_machine,
)
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

_FIELDS: list[Callable[[Case], Iterable[Finding]]] = [
    # Of findings that are equally likely the first one is shown: those that are more definite.
    wrong_machine.findings,
    sockets.findings,
    resources.findings,
    crashes.findings,
    units.findings,
    network.findings,
    reachability.findings,
    kubernetes.findings,
    clock.findings,
    host.findings,
    collectors.findings,
    command.findings,
]


def findings(case: Case) -> Iterator[Finding]:
    """The findings of all fields. An error in one, such as by odd output of a guest, costs only it."""
    for field in _FIELDS:
        try:
            yield from field(case)
        except Exception as error:
            name = field.__module__.rpartition(".")[2]
            yield Finding(
                f"the answers could not be understood: {type(error).__name__}: {error}",
                Severity.NOTE,
                name,
            )
