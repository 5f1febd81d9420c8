"""The journals of guests: how their entries are read and recorded."""

import json
import time
from typing import Any

import pytest
from charioteer.testing import journal
from charioteer.testing.logger import AbstractLogger, CompositeLogger

from support.diagnosed import answer


def line(**fields: Any) -> str:
    return json.dumps({"__MONOTONIC_TIMESTAMP": "2500000", "MESSAGE": "failed", **fields})


def test_an_entry_has_its_age_program_unit_and_priority() -> None:
    given = line(SYSLOG_IDENTIFIER="sshd", _SYSTEMD_UNIT="ssh.service", PRIORITY="3")
    (entry,) = journal.entries([given], 10.0)
    assert (entry.age, entry.line(), entry.unit, entry.priority) == (
        7.5, "sshd: failed", "ssh.service", 3
    )  # fmt: skip


def test_what_systemd_writes_is_about_its_subject() -> None:
    (entry,) = journal.entries([line(UNIT="web.service", _SYSTEMD_UNIT="init.scope")], None)
    assert (entry.unit, entry.age) == ("web.service", None)


@pytest.mark.parametrize(
    "text",
    [
        line()[:-9], "", "[]", "null", line(MESSAGE=[1, 2]), "[" * 100_000,
        line(__MONOTONIC_TIMESTAMP="9" * 400),
    ],
    ids=lambda text: str(text)[:9],
)  # fmt: skip
def test_lines_that_are_cut_off_or_no_text_are_left_out(text: str) -> None:
    assert list(journal.entries([text, line()], 10.0)) == list(journal.entries([line()], 10.0))


def test_an_entry_that_two_answers_have_is_one() -> None:
    fields = {"__MONOTONIC_TIMESTAMP": "2500000", "MESSAGE": "failed", "UNIT": "a.service"}
    backwards = dict(reversed(fields.items()))
    given = answer(journal=json.dumps(fields), unit_journal=json.dumps(backwards))
    assert [each.line() for each in given.journal] == ["failed"]


@pytest.mark.parametrize(
    ("text", "uptime"),
    [
        ("\n12.50 3.10\n", 12.5),
        ("7", 7),
        ("", None),
        ("head: error reading\n", None),
        ("inf 1", None),
    ],
)
def test_an_uptime_is_a_number_or_unknown(text: str, uptime: float | None) -> None:
    assert journal.uptime_in(text) == uptime


def test_a_record_has_the_age_at_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[tuple[str, dict[str, Any]]] = []
    logger: AbstractLogger = CompositeLogger()
    monkeypatch.setattr(logger, "record", lambda kind, facts: recorded.append((kind, dict(facts))))
    monkeypatch.setattr(time, "time", lambda: 1002.0)
    entries = list(journal.entries([line(SYSLOG_IDENTIFIER="a")], 10.0))
    journal.record(logger, "web", [*entries, journal.Entry(None, "of an unknown time")], 1000.0)
    assert recorded == [
        ("journal", {"machine": "web", "age": 9.5, "text": "a: failed", "unit": None,
                     "priority": 6})
    ]  # fmt: skip
