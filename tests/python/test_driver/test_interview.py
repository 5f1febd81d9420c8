"""The limits of the questions for the cause of a failure."""

import pytest
from charioteer.testing.diagnosis import interview
from charioteer.testing.diagnosis.request import Request
from charioteer.testing.driver import Driver
from charioteer.testing.machines import Outcomes


def test_looks_and_questions_have_one_limit_together(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    limits: list[float] = []
    names = [each.name for each in driver.machines_qemu]

    def no_answers(_self: object, _call: object, limit: float) -> list[str]:
        limits.append(limit)
        now[0] += limit
        return list(names)

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(Outcomes, "gather", no_answers)
    monkeypatch.setattr("charioteer.testing.diagnosis.host.slowness", lambda: 1.0)
    monkeypatch.setattr(interview, "_was_started", lambda _machine: True)
    for machine in driver.machines_qemu:
        machine.booted = machine.connected = True
    allowed = interview.Limits(native=0.4, emulated=1.0)
    held = interview.Interview(Request("failed"), driver.machines_qemu, allowed)
    held.hold()
    assert limits == pytest.approx([0.2, 0.2])
    assert held.silent == dict.fromkeys(names, "within 0.4 s")
