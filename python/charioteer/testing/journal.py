"""The journals of guests: their entries, and what the trace of a run gets of them.

A journal is read by one command after the script, and not followed while it runs: a program that
follows it would take processor time from the guest, and the script would see it among the processes.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import BaseMachine, NspawnMachine, QemuMachine
from charioteer.testing.machines import Outcomes

FIELDS = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER"
"""The fields of entries, for `journalctl --output-fields`, that `entries` reads."""

_MOST_ENTRIES = 1000
_MOST_BYTES = 2 * 1024 * 1024
# What systemd writes about units has priority 6, as have most lines of programs.
_IMPORTANT = "_PID=1 + " + " ".join(f"PRIORITY={number}" for number in range(6))
_COMMAND = f"""\
command -v journalctl >/dev/null || exit 0
read -r uptime _ </proc/uptime; echo "$uptime"
exec journalctl -b --no-pager -q -n {_MOST_ENTRIES} -o json --output-fields={FIELDS} {_IMPORTANT}
"""
_UPTIME = re.compile(r"\s*(\d{1,12}(?:\.\d+)?)(?:\s|$)", re.ASCII)
# After this share of the limit a guest returns what it has until then.
_SHARE_OF_GUEST = 0.75


@dataclass(frozen=True)
class Entry:
    """An entry of the journal, or a message of the kernel."""

    age: float | None
    """Seconds before the guest was asked."""
    text: str
    unit: str = ""
    """The unit that logged it, or that it is about."""
    identifier: str = ""
    """The program."""
    priority: int = 6
    """Of syslog: 3 is an error, 4 a warning."""

    def line(self) -> str:
        return f"{self.identifier}: {self.text}" if self.identifier else self.text


def uptime_in(text: str) -> float | None:
    """The first number of /proc/uptime; none if a guest wrote something else."""
    found = _UPTIME.match(text)
    return float(found[1]) if found else None


def entries(lines: Iterable[str], uptime: float | None) -> Iterator[Entry]:
    """The entries in lines of `journalctl -o json`; lines that are cut off are left out.

    `uptime`: of the guest when it was asked, in seconds.
    """
    for line in lines:
        try:
            fields = json.loads(line)
            monotonic = int(fields.get("__MONOTONIC_TIMESTAMP", "0")) / 1e6
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            continue  # cut off, or not written by journalctl
        message = fields.get("MESSAGE")
        if not isinstance(message, str):
            continue  # it is not text, or too long
        priority = str(fields.get("PRIORITY") or "6")
        yield Entry(
            None if uptime is None else max(0.0, uptime - monotonic),
            message,
            unit=str(fields.get("UNIT") or fields.get("_SYSTEMD_UNIT") or ""),
            identifier=str(fields.get("SYSLOG_IDENTIFIER") or ""),
            priority=int(priority) if priority.isdecimal() else 6,
        )


def record(logger: AbstractLogger, machine: str, found: Sequence[Entry], asked_at: float) -> None:
    """Records entries of which the age is known. `asked_at`: seconds since 1970."""
    passed = max(0.0, time.time() - asked_at)
    for each in found:
        if each.age is None:
            continue
        logger.record(
            "journal",
            {
                "machine": machine,
                "age": each.age + passed,
                "text": each.line(),
                "unit": each.unit or None,
                "priority": each.priority,
            },
        )


def record_all(machines: Sequence[BaseMachine], logger: AbstractLogger, limit: float) -> None:
    """Records the last entries of the journals of all machines that run, within `limit` seconds.

    A machine that does not answer, or has no journal, gives none.
    """
    outcomes = Outcomes[tuple[float, list[Entry]]](machines)
    outcomes.gather(lambda machine: _read(machine, limit * _SHARE_OF_GUEST), limit)
    for name, (asked_at, found) in outcomes.values.items():
        record(logger, name, found, asked_at)


def _read(machine: BaseMachine, limit: float) -> tuple[float, list[Entry]]:
    if not isinstance(machine, (QemuMachine, NspawnMachine)) or not _is_running(machine):
        return 0.0, []
    asked_at = time.time()
    with unrecorded():
        outcome = machine.handle.run(_COMMAND, None, limit, False, False)
    uptime, _, lines = outcome.output[:_MOST_BYTES].decode(errors="replace").partition("\n")
    return asked_at, list(entries(lines.split("\n"), uptime_in(uptime)))


def _is_running(machine: QemuMachine | NspawnMachine) -> bool:
    """Whether it can answer: it has booted, and is not paused."""
    if not machine.is_up():
        return False
    if not isinstance(machine, QemuMachine):
        return True
    with unrecorded():
        answer = json.loads(machine.handle.qmp("query-status"))
    return bool(answer["return"]["running"])
