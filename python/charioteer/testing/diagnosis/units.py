"""Units of systemd that failed, that restart again and again, or that wait for each other."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from charioteer.testing.diagnosis import symptoms
from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity
from charioteer.testing.journal import Entry

SOURCE = "units"
_SHOWN = 4
# Messages of systemd about a unit that repeat what the finding has, or that are about another start.
_REPEATED = re.compile(
    r"Failed with result|Main process exited|Scheduled restart job|Consumed .* CPU|Stopped |Starting "
    r"|Started |Start request repeated|Deactivated|Control process exited"
)
_JOB = re.compile(r"^\s*(\d+)\s+(\S+)\s+(\S+)\s+(waiting|running)\s*$")
_WAITING_FOR = re.compile(r"waiting for job (\d+)\b")
_BLOCKING = re.compile(r"blocking job (\d+)\b")
_STATUS = {
    "200": "its working directory cannot be used",
    "203": "its program cannot be executed",
    "209": "its output cannot be connected",
    "217": "its user does not exist",
    "226": "its name space cannot be set up",
    "216": "its group does not exist",
    "238": "its state directory cannot be used",
}
_RESULT = {
    "oom-kill": "the OOM killer ended it",
    "timeout": "it exceeded its time limit",
    "watchdog": "its watchdog expired",
    "core-dump": "it crashed with a core dump",
    "resources": "systemd could not prepare its start",
    "start-limit-hit": "it was started too often",
    "protocol": "it ended before it was ready",
}


class Job(NamedTuple):
    """A job of systemd."""

    number: str
    unit: str
    type: str
    state: str


def findings(case: Case) -> Iterator[Finding]:
    for answer in case.answers.values():
        for properties in units_of(answer):
            yield from _of_unit(answer, properties, case)
        yield from _of_jobs(answer)
        yield from _of_cycles(answer)


def units_of(answer: Answer) -> list[dict[str, str]]:
    """The properties of the units that are not well, and of those that the step names."""
    blocks = answer.sections.get("show", "").strip().split("\n\n")
    parsed = [
        dict(line.split("=", 1) for line in each.split("\n") if "=" in line) for each in blocks
    ]
    # One that is not well and that the step names is shown twice.
    return list({each["Id"]: each for each in parsed if "Id" in each}.values())


def _of_unit(answer: Answer, unit: dict[str, str], case: Case) -> Iterator[Finding]:
    name, state = unit["Id"], unit.get("ActiveState", "")
    is_asked = name in case.request.subjects.units and answer.machine == case.request.machine
    if state == "failed":
        yield _failed(answer, unit)
    elif unit.get("SubState") == "auto-restart" or _restarts(unit) > 1:
        yield _restarting(answer, unit)
    elif is_asked and unit.get("LoadState") in ("not-found", "masked", "bad-setting", "error"):
        yield _unloaded(answer, unit)
    elif is_asked and state == "inactive" and unit.get("Job", "0") == "0":
        yield _inactive(answer, unit)
    elif is_asked and state in ("activating", "deactivating", "reloading"):
        yield _unfinished(answer, unit)


def _failed(answer: Answer, unit: dict[str, str]) -> Finding:
    log = answer.of_unit(unit["Id"])
    cause = symptoms.most_telling(_own(log))
    return _finding(
        answer, unit, Severity.FATAL,
        f"{unit['Id']} has failed: {_how(unit)}" + (f": {cause}" if cause else ""), log,
    )  # fmt: skip


def _restarting(answer: Answer, unit: dict[str, str]) -> Finding:
    log = answer.of_unit(unit["Id"])
    cause = symptoms.most_telling(_own(log))
    text = f"{unit['Id']} fails and is restarted ({_restarts(unit)} times so far)"
    how = f": {_how(unit)}" if unit.get("Result") not in (None, "success") else ""
    return _finding(answer, unit, Severity.FATAL, text + how + (f": {cause}" if cause else ""), log)


def _unloaded(answer: Answer, unit: dict[str, str]) -> Finding:
    texts = {
        "not-found": "does not exist here",
        "masked": "is masked",
        "bad-setting": "has an invalid setting",
    }
    text = texts.get(unit["LoadState"], f"is not loaded ({unit['LoadState']})")
    log = answer.of_unit(unit["Id"])
    return _finding(answer, unit, Severity.FATAL, f"{unit['Id']} {text}", log)


def _inactive(answer: Answer, unit: dict[str, str]) -> Finding:
    log = answer.of_unit(unit["Id"])
    text = f"{unit['Id']} is inactive"
    if unit.get("ConditionResult") == "no" and log:
        text += ": a condition of it does not hold"
    elif not log:
        text += ", and has never been started"
    return _finding(answer, unit, Severity.ODD, text, log)


def _unfinished(answer: Answer, unit: dict[str, str]) -> Finding:
    since = _age_of_state(answer, unit)
    text = f"{unit['Id']} is still {unit['ActiveState']} ({unit.get('SubState', '')})"
    if since is not None:
        text += f", for {since:.0f} s"
    log = answer.of_unit(unit["Id"])
    return _finding(answer, unit, Severity.ODD, text, log)


def _how(unit: dict[str, str]) -> str:
    """How the unit failed."""
    result, status = unit.get("Result", ""), unit.get("ExecMainStatus", "0")
    if result == "exit-code":
        return _STATUS.get(status, f"exit status {status}")
    if result == "signal":
        return f"signal {status} ended it"
    return _RESULT.get(result, result or "the reason is unknown")


def _own(log: list[Entry]) -> list[str]:
    """The messages that say more than systemd's of every failure."""
    return [each.text for each in log if not _REPEATED.search(each.text)]


def _finding(
    answer: Answer, unit: dict[str, str], severity: Severity, text: str, log: list[Entry]
) -> Finding:
    telling = sorted(log[-40:], key=lambda each: symptoms.strength(each.text))
    chosen = [each for each in telling if symptoms.names_cause(each.text)][:_SHOWN] or log[-_SHOWN:]
    return Finding(
        text, severity, SOURCE, answer.machine,
        tuple(dict.fromkeys(each.line() for each in chosen)),
        frozenset([unit["Id"]]), _age_of_state(answer, unit),
    )  # fmt: skip


def _age_of_state(answer: Answer, unit: dict[str, str]) -> float | None:
    changed = unit.get("StateChangeTimestampMonotonic", "0")
    return answer.age_of(int(changed) / 1e6) if changed.isdecimal() and changed != "0" else None


def _restarts(unit: dict[str, str]) -> int:
    number = unit.get("NRestarts", "0")
    return int(number) if number.isdecimal() else 0


# Jobs


def jobs_of(answer: Answer) -> tuple[dict[str, Job], dict[str, list[str]]]:
    """The jobs by number, and for each that waits the numbers of those that it waits for."""
    jobs: dict[str, Job] = {}
    waits: dict[str, list[str]] = {}
    last = ""
    for line in answer.lines("jobs"):
        if match := _JOB.match(line):
            last = match[1]
            jobs[last] = Job(*match.groups())
        elif (match := _WAITING_FOR.search(line)) and last:
            waits.setdefault(last, []).append(match[1])
        elif (match := _BLOCKING.search(line)) and last:
            waits.setdefault(match[1], []).append(last)
    return jobs, waits


def _of_jobs(answer: Answer) -> Iterator[Finding]:
    """Jobs that wait for one that does not finish."""
    jobs, waits = jobs_of(answer)
    for number, others in waits.items():
        awaited = [jobs[each] for each in dict.fromkeys(others) if each in jobs]
        if number not in jobs or not awaited:
            continue
        job = jobs[number]
        text = f"{job.unit}/{job.type} waits for " + ", ".join(
            f"{each.unit}/{each.type}, which is {each.state}" for each in awaited
        )
        names = frozenset([job.unit, *(each.unit for each in awaited)])
        yield Finding(
            text, Severity.ODD, SOURCE, answer.machine, tuple(answer.lines("jobs")[:6]), names
        )


def _of_cycles(answer: Answer) -> Iterator[Finding]:
    """Ordering cycles, of which systemd deletes a job."""
    for entry in answer.journal:
        if match := re.search(
            r"Found ordering cycle on ([^\s/]+)|Job (\S+)/\w+ deleted to break", entry.text
        ):
            unit = match[1] or match[2]
            yield Finding(
                f"{unit} is in a cycle of units that wait for each other", Severity.FATAL, SOURCE,
                answer.machine, (entry.text,), frozenset([unit]), entry.age,
            )  # fmt: skip
