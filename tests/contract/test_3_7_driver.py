"""Sections 2 and 3.7: polling conditions, subtests, start_all and QMP."""

from datetime import timedelta
from pathlib import Path

import pytest
from test_driver.errors import MachineError, PollingConditionError, RequestedAssertionFailed
from test_driver.machine import QemuMachine
from test_driver.machine.qmp import QMPAPIError

from conftest import ReadLog
from support.patience import scaled
from support.shared_machines import SharedMachines


def test_3_7_a_polling_condition_that_fails_ends_the_command(
    alpha: QemuMachine, pair: SharedMachines
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


def test_3_7_a_polling_condition_that_fails_ends_a_wait(
    alpha: QemuMachine, pair: SharedMachines
) -> None:
    checks = 0

    @pair.symbols["polling_condition"](seconds_interval=0)  # type: ignore[misc]
    def holds_three_times() -> bool:
        """Holds for three checks."""
        nonlocal checks
        checks += 1
        return checks <= 3

    with holds_three_times, pytest.raises(PollingConditionError, match="Holds for three checks"):
        alpha.wait_until_succeeds("false")


def test_3_7_a_subtest_logs_and_reraises_the_error(
    pair: SharedMachines, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LookupError), pair.symbols["subtest"]("finding it"):
        raise LookupError("it is not here")
    pair.driver.logger.reporter.flush()
    assert 'Test "finding it" failed with error: "it is not here"' in capfd.readouterr().err


def test_3_7_serial_lines_can_be_silenced(
    alpha: QemuMachine, pair: SharedMachines, capfd: pytest.CaptureFixture[str]
) -> None:
    pair.symbols["serial_stdout_off"]()
    alpha.succeed("echo silenced >&2")
    alpha.wait_for_console_text("silenced")
    pair.symbols["serial_stdout_on"]()
    alpha.succeed("echo shown >&2")
    alpha.wait_for_console_text("shown")
    pair.driver.logger.reporter.flush()
    log = capfd.readouterr().err
    assert "alpha # silenced" not in log and "alpha # shown" in log


def test_3_7_a_condition_is_described_by_description_docstring_or_name(
    pair: SharedMachines,
) -> None:
    polling_condition = pair.symbols["polling_condition"]

    @polling_condition  # type: ignore[misc]
    def bare() -> None:
        ...

    @polling_condition()  # type: ignore[misc]
    def documented() -> None:
        """the lamp is on"""

    @polling_condition(description="in words", seconds_interval=1.5)  # type: ignore[misc]
    def described() -> None:
        """not this"""

    @polling_condition(interval=timedelta(seconds=3))  # type: ignore[misc]
    def with_a_duration() -> None:
        ...

    conditions = [each.condition for each in (bare, documented, described, with_a_duration)]
    assert [each.description for each in conditions] == [
        "bare",
        "the lamp is on",
        "in words",
        "with_a_duration",
    ]
    assert [each.seconds_interval for each in conditions] == [2.0, 2.0, 1.5, 3.0]
    with pytest.raises(TypeError):
        bare()


def test_3_7_a_condition_is_checked_when_due_and_logged(
    alpha: QemuMachine, pair: SharedMachines, read_log: ReadLog
) -> None:
    @pair.symbols["polling_condition"](seconds_interval=3600)  # type: ignore[misc]
    def rare() -> None:
        ...

    with rare:
        alpha.succeed("true", "true")
        assert pair.driver.polling_conditions == [rare.condition]
    assert pair.driver.polling_conditions == []
    text = read_log()
    assert text.count("Checking polling condition 'rare'\n(not called yet)\n") == 1
    assert text.count("Polling condition succeeded: rare\n") == 1
    assert rare.condition.check(force=True)
    assert "Time since last: " in read_log()


def test_3_7_a_condition_may_use_the_machine_it_watches(
    alpha: QemuMachine, pair: SharedMachines
) -> None:
    depth: list[int] = []

    @pair.symbols["polling_condition"](seconds_interval=0)  # type: ignore[misc]
    def watching() -> bool:
        depth.append(watching.condition.entry_count)
        return bool(alpha.succeed("echo seen") == "seen\n")

    with watching:
        alpha.succeed("true")
    assert set(depth) == {1} and not watching.condition.entered


def test_3_7_an_exception_in_a_condition_is_a_failure(
    alpha: QemuMachine, pair: SharedMachines
) -> None:
    @pair.symbols["polling_condition"]  # type: ignore[misc]
    def broken() -> bool:
        raise LookupError

    with pytest.raises(PollingConditionError) as failure, broken:
        alpha.send_monitor_command("info status")
    assert str(failure.value) == "Polling condition failed: broken"
    assert isinstance(failure.value.__cause__, LookupError)


def test_3_7_conditions_are_left_in_reverse_order(pair: SharedMachines) -> None:
    polling_condition = pair.symbols["polling_condition"]
    first, second = polling_condition(lambda: True), polling_condition(lambda: True)
    first.__enter__()
    second.__enter__()
    with pytest.raises(AssertionError):
        first.__exit__(None, None, None)
    pair.driver.polling_conditions.clear()


def test_3_7_a_condition_can_be_waited_for(pair: SharedMachines, read_log: ReadLog) -> None:
    answers = iter([False, False, True])

    @pair.symbols["polling_condition"]  # type: ignore[misc]
    def settled() -> bool:
        return next(answers)

    settled.wait(timeout=scaled(60))
    text = read_log()
    assert text.startswith("waiting for settled\n")
    assert text.count("(settled failure not fatal yet)\n") == 2
    answers = iter([False])
    with pytest.raises(RequestedAssertionFailed):
        settled.wait(timeout=0)
    assert "Last chance for settled\n" in read_log()


def test_3_7_failures_to_start_are_collected(folder: Path, pair: SharedMachines) -> None:
    def failing(name: str) -> QemuMachine:
        return QemuMachine(folder, folder, "exit 3; run-x-vm", pair.driver.logger, name)

    driver = pair.driver
    added = [failing("zeta"), failing("eta")]
    driver.machines_qemu += added
    kept = [pair["spare"]]
    driver.machines_qemu = [each for each in driver.machines_qemu if each not in kept]
    try:
        with pytest.raises(MachineError) as failure:
            driver.start_all()
    finally:
        driver.machines_qemu = [*(each for each in driver.machines_qemu if each not in added)]
        driver.machines_qemu += kept
        for each in added:
            each.handle.release()
    reason = ": QEMU process exited with code 3 before connecting to monitor socket."
    first, *others = str(failure.value).split("\n")
    assert first == "Failed to start the following machines:"
    assert [line for line in others if line] == [f"eta{reason}", f"zeta{reason}"]


def test_3_7_qmp_errors_have_upstream_s_class_and_text(alpha: QemuMachine) -> None:
    with pytest.raises(QMPAPIError) as failure:
        alpha.qmp_client.send("no-such-command")
    assert str(failure.value) == (
        "<QMP API error related to transaction None [CommandNotFound]: "
        "The command no-such-command has not been found>"
    )
    assert isinstance(failure.value, RuntimeError)


def test_3_7_qmp_events_are_waited_for_and_listed(alpha: QemuMachine) -> None:
    alpha.qmp_client.send("stop")
    alpha.qmp_client.send("cont")
    while alpha.qmp_client.wait_for_event(timeout=scaled(30))["event"] != "STOP":
        continue
    assert next(alpha.qmp_client.events(timeout=scaled(30)))["event"] == "RESUME"
    with pytest.raises(TimeoutError):
        alpha.qmp_client.wait_for_event(timeout=0.01)
