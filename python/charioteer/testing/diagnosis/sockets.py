"""Ports: nothing listens, another program does, or at an address that cannot be reached."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity
from charioteer.testing.diagnosis.interfaces import addresses_of

SOURCE = "network"
_PROGRAM = re.compile(r'\(\("([^"]+)",pid=(\d+)')
_IN_USE = re.compile(r"address (?:is )?already in use|EADDRINUSE", re.I)
_LISTEN = "0A"
_PROC = ("/proc/net/tcp", "/proc/net/tcp6")
_SHOWN = 5


@dataclass(frozen=True)
class Listener:
    """A socket that receives connections or datagrams."""

    protocol: str
    address: str
    port: str
    program: str = ""
    pid: str = ""

    @property
    def is_local(self) -> bool:
        """Whether only the machine itself can reach it."""
        return self.address == "::1" or self.address.startswith("127.")

    def __str__(self) -> str:
        who = f"{self.program} (pid {self.pid})" if self.program else "a program"
        return f"{who} listens on {self.protocol} port {self.port} at {self.address}"


def listeners_of(answer: Answer) -> list[Listener]:
    found = []
    for line in answer.lines("sockets"):
        words = line.split()
        if len(words) < 5 or words[1] not in ("LISTEN", "UNCONN"):
            continue
        address, _, port = words[4].rpartition(":")
        program = _PROGRAM.search(line)
        name = "*" if address == "*" else address.strip("[]").partition("%")[0]
        found.append(
            Listener(words[0].upper(), name, port, *(program.groups() if program else ("", "")))
        )
    return found or list(_of_proc(answer))


def _of_proc(answer: Answer) -> Iterator[Listener]:
    files = (answer.files.get(each, "") for each in _PROC)
    for line in "\n".join(files).split("\n"):
        words = line.split()
        if len(words) < 4 or words[3] != _LISTEN or ":" not in words[1]:
            continue
        address, _, port = words[1].partition(":")
        if len(address) == 8:
            numbers = [str(int(address[at : at + 2], 16)) for at in (6, 4, 2, 0)]
            yield Listener("TCP", ".".join(numbers), str(int(port, 16)))
        else:
            name = {"0" * 32: "::", "0" * 24 + "01000000": "::1"}.get(address, "an IPv6 address")
            yield Listener("TCP", name, str(int(port, 16)))


def findings(case: Case) -> Iterator[Finding]:
    for port in case.request.subjects.ports:
        for answer in targets(case):
            yield from _of_port(port, answer, case)
    for answer in case.answers.values():
        yield from _of_conflicts(answer, case)


def targets(case: Case) -> list[Answer]:
    """The machines on which the step expects something: those that it names, or its own."""
    hosts = set(case.request.subjects.hosts)
    named = [
        each
        for each in case.answers.values()
        if each.machine in hosts or hosts & addresses_of(each)
    ]
    own = case.failed
    return named or ([own] if own is not None and not hosts else [])


def _of_port(port: str, answer: Answer, case: Case) -> Iterator[Finding]:
    listeners = [each for each in listeners_of(answer) if each.protocol == "TCP"]
    known = "sockets" in answer.sections or _PROC[0] in answer.files
    here = [each for each in listeners if each.port == port]
    about = frozenset([port])
    if not here and known:
        near = sorted(listeners, key=lambda each: _distance(each.port, port))[:_SHOWN]
        shown = [each for each in near if not each.is_local or answer is case.failed] or near
        text = f"nothing listens on TCP port {port}"
        if shown:
            text += f"; {shown[0]}"
        evidence = tuple(str(each) for each in near)
        yield Finding(text, Severity.ODD, SOURCE, answer.machine, evidence, about)
    elif here and all(each.is_local for each in here):
        is_other = answer.machine != case.request.machine
        asked = set(case.request.subjects.hosts) | _words(case)
        is_other_version = all(each.address == "::1" for each in here) and bool(
            asked & {"127.0.0.1", "0.0.0.0", *addresses_of(answer)}
        )
        is_other_address = bool(asked & {answer.machine, *addresses_of(answer)})
        is_wrong = is_other or is_other_version or is_other_address
        places = ", ".join(sorted({each.address for each in here}))
        reason = "which other machines cannot reach" if is_other else "not at other addresses"
        yield Finding(
            f"TCP port {port} is open at {places} only, {reason}: {here[0]}",
            Severity.FATAL if is_wrong else Severity.NOTE, SOURCE, answer.machine,
            tuple(str(each) for each in here), about,
        )  # fmt: skip


def _words(case: Case) -> set[str]:
    text = " ".join([case.request.command, case.request.step])
    return set(re.findall(r"[\w.:-]+", re.sub(r":\d+\b|\w+://", " ", text)))


def _distance(one: str, other: str) -> tuple[int, int]:
    """How much two ports look like one was meant to be the other."""
    same = sum(a == b for a, b in zip(one, other)) if len(one) == len(other) else 0
    number = abs(int(one) - int(other)) if one.isdecimal() and other.isdecimal() else 65536
    return (-same, number)


def _of_conflicts(answer: Answer, case: Case) -> Iterator[Finding]:
    """Programs that cannot listen, since the port is used by another."""
    failed: dict[str, tuple[str, float | None]] = {}
    for entry in answer.journal:
        if _IN_USE.search(entry.text):
            failed[entry.unit or entry.identifier] = entry.line(), entry.age
    if answer is case.failed:
        lines = "\n".join(case.request.output_notes()).split("\n")
        failed.update({"the command": (line, None) for line in lines if _IN_USE.search(line)})
    listeners = listeners_of(answer)
    for name, (line, age) in failed.items():
        named = set(re.findall(r"\b\d{2,5}\b", line))
        is_asked = name in (*case.request.subjects.units, "the command")
        held = [each for each in listeners if each.port in named] or [
            each for each in listeners if is_asked and each.port in case.request.subjects.ports
        ]
        text = f"{name} cannot use its port, since another program does"
        if held:
            text = f"{name} cannot use port {held[0].port}: {held[0]}"
        yield Finding(
            text, Severity.FATAL, SOURCE, answer.machine,
            (line, *(str(each) for each in held or listeners[:_SHOWN])),
            frozenset([name, *(each.port for each in held)]), age,
        )  # fmt: skip
