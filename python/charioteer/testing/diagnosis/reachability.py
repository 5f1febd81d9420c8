"""Hosts that the step names and that cannot be reached, and firewalls that discard packets."""

import re
from collections.abc import Iterator

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "network"
_UNRESOLVED = re.compile(
    r"name or service not known|bad address|temporary failure in name resolution|unknown host"
    r"|no address associated|could not resolve|name does not resolve", re.I
)  # fmt: skip
_UNREACHABLE = re.compile(r"unreachable|100% packet loss|prohibited|not permitted|no route", re.I)
_TOO_LONG = re.compile(r"message too long, mtu[= ](\d+)|frag needed.*mtu[ =](\d+)", re.I)
_LOST = re.compile(r"100% packet loss")
_NAMED = re.compile(
    r"(?:could not resolve host(?:name)?:? ?|bad address ['\"]?|resolve host ['\"]?)([\w.-]+\w)"
    r"|(?:^|[\s:])([\w.-]+\w): (?:name or service not known|temporary failure in name resolution)",
    re.I,
)
_RULE = re.compile(r"^\[(\d+):\d+\] (-A .*-j (?:DROP|REJECT).*)$")
_POLICY = re.compile(r"^:(\w+) DROP \[(\d+):\d+\]")
_NFT = re.compile(r"^\s*(.*?\b(?:counter packets (\d+) bytes \d+ )?(?:drop|reject)\b.*)$")
_NFT_POLICY = re.compile(r"type filter hook (\w+) .*policy drop")
_LOGGED = re.compile(r"IN=\S* .*\bDPT=(\d+)")
_PORTS = re.compile(r"\b(?:--dports?|dport)\s+(?:\{ ?)?([\d, :-]+)")


def findings(case: Case) -> Iterator[Finding]:
    if case.failed is not None:
        for host in case.request.subjects.hosts:
            yield from _of_host(case.failed, host)
    yield from _of_output(case)
    for answer in case.answers.values():
        yield from _of_firewall(answer, case)
        yield from _of_logged(answer, case)


def _of_host(answer: Answer, host: str) -> Iterator[Finding]:
    small = answer.sections.get(f"ping {host}", "")
    large = answer.sections.get(f"large-ping {host}")
    about = frozenset([host])
    lines = [each.strip() for each in small.split("\n") if each.strip()]
    if match := _UNRESOLVED.search(small):
        line = next(each for each in lines if match[0] in each)
        yield _unresolved(answer, host, line)
    elif large is None and (match := _UNREACHABLE.search(small)):
        line = next((each for each in lines if _UNREACHABLE.search(each)), "")
        yield Finding(
            f"{host} does not answer: {line}", Severity.NOTE, SOURCE, answer.machine,
            tuple(lines[:4]), about,
        )  # fmt: skip
    elif large is not None and (match := _TOO_LONG.search(large)):
        yield Finding(
            f"packets of 1500 bytes cannot be sent to {host}: the MTU is {match[1] or match[2]}",
            Severity.ODD, SOURCE, answer.machine, (match[0],), about,
        )  # fmt: skip
    elif large is not None and _LOST.search(large):
        yield Finding(
            f"packets of 1500 bytes to {host} are lost, and small ones are not: the MTU of the way "
            "is smaller",
            Severity.FATAL, SOURCE, answer.machine,
            tuple(each.strip() for each in large.split("\n") if "loss" in each), about,
        )  # fmt: skip


def _unresolved(answer: Answer, host: str, line: str) -> Finding:
    servers = re.findall(r"^nameserver\s+(\S+)", answer.files.get("/etc/resolv.conf", ""), re.M)
    asked = f"name servers of /etc/resolv.conf: {', '.join(servers) or 'none'}"
    return Finding(
        f"the name {host} does not resolve", Severity.FATAL, SOURCE, answer.machine,
        (line, f"/etc/hosts does not have it; {asked}"), frozenset([host]),
    )  # fmt: skip


def _of_output(case: Case) -> Iterator[Finding]:
    """Names that the failed command itself could not resolve."""
    answer = case.failed
    for note in case.request.output_notes() if answer else ():
        for line in note.split("\n"):
            if match := _NAMED.search(line):
                assert answer is not None
                yield _unresolved(answer, match[1] or match[2], line.strip())


def _of_firewall(answer: Answer, case: Case) -> Iterator[Finding]:
    for line in answer.lines("firewall"):
        if match := _RULE.match(line):
            count, rule = int(match[1]), match[2]
        elif match := _POLICY.match(line):
            count, rule = int(match[2]), f"the policy of the chain {match[1]}"
        elif match := _NFT.match(line):
            count, rule = int(match[2] or -1), match[1].strip()
            if match := _NFT_POLICY.search(line):
                rule = f"the policy of the hook {match[1]}"
        else:
            continue
        if count == 0:
            continue
        ports = frozenset(re.findall(r"\d+", " ".join(_PORTS.findall(rule))))
        many = f" ({count} packets so far)" if count > 0 else ""
        yield Finding(
            f"the firewall discards packets{many}: {rule}",
            _severity(ports, case), SOURCE, answer.machine, (line.strip(),), ports | {answer.machine},
        )  # fmt: skip


def _of_logged(answer: Answer, case: Case) -> Iterator[Finding]:
    """Packets that a firewall logged, as that of NixOS does by default."""
    for entry in answer.kernel:
        if match := _LOGGED.search(entry.text):
            yield Finding(
                f"the firewall refused a packet to port {match[1]}",
                _severity(frozenset([match[1]]), case), SOURCE, answer.machine, (entry.line(),),
                frozenset([match[1], answer.machine]), entry.age,
            )  # fmt: skip


def _severity(ports: frozenset[str], case: Case) -> Severity:
    """Of packets to these ports that a firewall discards, as many do with broadcasts."""
    subjects = case.request.subjects
    if ports & set(subjects.ports):
        return Severity.FATAL
    return Severity.ODD if subjects.ports or subjects.hosts else Severity.NOTE
