"""Programs, kernels and QEMUs that have ended by a fault."""

import re
from collections.abc import Iterator
from datetime import datetime

from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "crashes"
_FAULT = re.compile(
    r"(\S+)\[(\d+)\]:? (?:segfault at|general protection fault|trap (?:invalid opcode|divide error))"
    r"|traps: (\S+)\[(\d+)\] "
)
_DUMPED = re.compile(r"Process (\d+) \(([^)]+)\) of user \d+ (?:dumped core|terminated abnormally)")
_BY_SYSTEMD = re.compile(
    r"process exited, code=(?:dumped|killed), status=\d+/(SEGV|ABRT|BUS|ILL|FPE|SYS)"
)
# A line of `ls -ln --full-time`.
_CORE = re.compile(
    r"-\S+ +\d+ +\d+ +\d+ +(?P<size>\d+) (?P<date>[\d-]+) (?P<time>[\d:]+)(?P<fraction>\.\d+)?"
    r" (?P<zone>[+-]\d{4}) (?P<file>/.+)"
)
_CORE_OF_SYSTEMD = re.compile(r"core\.(?P<program>.+)\.\d+\.[0-9a-f]{32}\.(?P<pid>\d+)\.\d+")
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
_OOPS = re.compile(r"(?:^|\s)(?:BUG: |Oops: |kernel BUG at|INFO: task .* blocked for more than).*")
_CONSOLE_SHOWN = 4


def findings(case: Case) -> Iterator[Finding]:
    for answer in case.answers.values():
        yield from _of_programs(answer)
        yield from _of_cores(answer)
        yield from _of_kernel(answer)
        yield from _of_end(answer)


def _of_programs(answer: Answer) -> Iterator[Finding]:
    for entry in answer.kernel:
        if match := _FAULT.search(entry.text):
            program, pid = match[1] or match[3], match[2] or match[4]
            yield Finding(
                f"{program} (pid {pid}) crashed", Severity.FATAL, SOURCE, answer.machine,
                (entry.line(),), frozenset([program, f"{program}.service"]), entry.age,
            )  # fmt: skip
    for entry in answer.journal:
        if match := _DUMPED.search(entry.text):
            unit = entry.unit if not entry.unit.startswith("systemd-coredump") else ""
            yield Finding(
                f"{match[2]} (pid {match[1]}) crashed with a core dump", Severity.FATAL, SOURCE,
                answer.machine, (entry.text.split("\n")[0],),
                frozenset(each for each in (match[2], f"{match[2]}.service", unit) if each),
                entry.age,
            )  # fmt: skip
        elif match := _BY_SYSTEMD.search(entry.text):
            yield Finding(
                f"{entry.unit} crashed: signal SIG{match[1]}", Severity.FATAL, SOURCE,
                answer.machine, (entry.line(),), frozenset([entry.unit]), entry.age,
            )  # fmt: skip


def _of_cores(answer: Answer) -> Iterator[Finding]:
    """Files of core dumps: those of systemd, whose names are known, and those of other patterns."""
    for line in answer.lines("cores"):
        if not (match := _CORE.match(line)) or match["size"] == "0":
            continue
        file = match["file"].rpartition("/")[2]
        of_systemd = _CORE_OF_SYSTEMD.match(file)
        program = of_systemd["program"] if of_systemd else ""
        who = f"{program} (pid {of_systemd['pid']})" if of_systemd else "a program"
        about = (program, f"{program}.service") if program else (file,)
        yield Finding(
            f"{who} crashed with a core dump", Severity.FATAL, SOURCE, answer.machine,
            (match["file"],), frozenset(about), _age(answer, match),
        )  # fmt: skip


def _age(answer: Answer, match: re.Match[str]) -> float | None:
    if answer.clock is None:
        return None
    time, fraction = match["time"], match["fraction"] or ""
    when = datetime.strptime(f"{match['date']} {time} {match['zone']}", "%Y-%m-%d %H:%M:%S %z")
    return max(0.0, answer.clock - when.timestamp() - float(fraction or 0))


def _of_kernel(answer: Answer) -> Iterator[Finding]:
    console = answer.outside.console
    for line in console:
        if match := _PANIC.search(line):
            at = console.index(line)
            yield Finding(
                f"the kernel has panicked: {match[1].rstrip(' -]')}", Severity.FATAL, SOURCE,
                answer.machine, (line, *console[at + 1 : at + _CONSOLE_SHOWN]),
                frozenset([answer.machine]),
            )  # fmt: skip
            return
    for entry in answer.kernel:
        if match := _OOPS.search(entry.text):
            yield Finding(
                f"the kernel reports a fault: {match[0].strip()}", Severity.FATAL, SOURCE,
                answer.machine, (entry.line(),), age=entry.age,
            )  # fmt: skip


def _of_end(answer: Answer) -> Iterator[Finding]:
    outside = answer.outside
    if outside.has_ended:
        by = "by SIGKILL, which Linux also sends when the host has no memory left"
        status = by if outside.exit_status == -9 else f"with status {outside.exit_status}"
        yield Finding(
            f"QEMU has ended {status}", Severity.FATAL, SOURCE, answer.machine,
            (*outside.output[-_CONSOLE_SHOWN:], *outside.console[-_CONSOLE_SHOWN:]),
            frozenset([answer.machine]),
        )  # fmt: skip
    elif outside.run_state not in ("", "running"):
        reason = {
            "paused": "it was paused",
            "io-error": "a disk of it cannot be written: the host's disk may be full",
            "guest-panicked": "its kernel has panicked",
            "shutdown": "the guest has shut down",
        }.get(outside.run_state, "QEMU has stopped it")
        yield Finding(
            f"the guest does not run ({outside.run_state}): {reason}", Severity.FATAL, SOURCE,
            answer.machine, (f"QEMU's state: {outside.run_state}",), frozenset([answer.machine]),
        )  # fmt: skip
