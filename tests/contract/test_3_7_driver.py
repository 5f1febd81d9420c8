"""Sections 2 and 3.7: names, conditions, steps."""

import pytest
from test_driver.errors import PollingConditionError, RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.team import Team


def test_3_7_a_polling_condition_that_fails_ends_the_command(
    alpha: QemuMachine, pair: Team
) -> None:
    holds = True

    @pair.symbols["polling_condition"](seconds_interval=0)  # type: ignore[misc]
    def lamp_is_on() -> bool:
        return holds

    with lamp_is_on:
        alpha.succeed("true")
        holds = False
        with pytest.raises(PollingConditionError, match="lamp_is_on"):
            alpha.succeed("true")
    alpha.succeed("true")


def test_3_7_a_polling_condition_that_fails_ends_a_wait(alpha: QemuMachine, pair: Team) -> None:
    checks = 0

    @pair.symbols["polling_condition"](seconds_interval=0)  # type: ignore[misc]
    def patient() -> bool:
        """Holds for three checks."""
        nonlocal checks
        checks += 1
        return checks <= 3

    with patient, pytest.raises(PollingConditionError, match="Holds for three checks"):
        alpha.wait_until_succeeds("false")


def test_3_7_a_subtest_tells_and_passes_on_what_failed(
    pair: Team, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LookupError), pair.symbols["subtest"]("finding it"):
        raise LookupError("it is not here")
    pair.driver.logger.reporter.flush()
    assert 'Test "finding it" failed with error: "it is not here"' in capfd.readouterr().err


def test_3_7_serial_lines_can_be_silenced(
    alpha: QemuMachine, pair: Team, capfd: pytest.CaptureFixture[str]
) -> None:
    pair.symbols["serial_stdout_off"]()
    alpha.succeed("echo unheard >&2")
    alpha.wait_for_console_text("unheard")
    pair.symbols["serial_stdout_on"]()
    alpha.succeed("echo heard >&2")
    alpha.wait_for_console_text("heard")
    pair.driver.logger.reporter.flush()
    told = capfd.readouterr().err
    assert "alpha # unheard" not in told and "alpha # heard" in told


def test_3_7_symbols(pair: Team) -> None:
    for name in (
        "start_all join_all test_script run_tests machines vlans vlan1 driver log os subtest"
        " retry create_machine serial_stdout_on serial_stdout_off polling_condition t"
        " Machine BaseMachine QemuMachine debug alpha beta spare"
    ).split():
        assert name in pair.symbols, name
    assert [machine.name for machine in pair.symbols["machines"]] == ["alpha", "beta", "spare"]
    with pytest.raises(RequestedAssertionFailed):
        pair.symbols["t"].assertEqual(1, 2)
