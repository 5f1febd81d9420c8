"""Probes of waits on machines that override `_execute`, like containers."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine, probes
from charioteer.testing.machine.probes import FINAL_PROBE


class OverridingMachine(QemuMachine):
    """Its commands return the statuses in `statuses` one by one, and the last one repeatedly.

    Exceptions among them are raised. `commands` has the commands with their limits.
    """

    statuses: list[int | BaseException]
    commands: list[tuple[str, Any]]

    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Any
    ) -> tuple[int, str]:
        self.commands.append((command, timeout))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, BaseException):
            raise status
        return status, ""


@pytest.fixture
def machine_of_subclass(tmp_path: Path, logger: TerminalLogger) -> OverridingMachine:
    machine = OverridingMachine(tmp_path, tmp_path, "run-web-vm", logger)
    machine.statuses, machine.commands = [0], []
    return machine


WAITS: list[Callable[[OverridingMachine], object]] = [
    lambda machine: machine.wait_for_closed_port(80, timeout=0),
    lambda machine: machine.wait_for_unit("u", timeout=0),
    lambda machine: machine.wait_for_window("w", timeout=0),
    lambda machine: machine.wait_until_tty_matches("1", "x", timeout=0),
    lambda machine: machine.wait_for_x(timeout=0),
]


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("end", [124, subprocess.TimeoutExpired("x", 1)])
def test_a_probe_that_times_out_does_not_end_the_wait(
    machine_of_subclass: OverridingMachine,
    wait: Callable[[OverridingMachine], object],
    end: int | BaseException,
) -> None:
    machine_of_subclass.statuses = [end]
    with pytest.raises(RequestedAssertionFailed, match="action timed out") as failure:
        wait(machine_of_subclass)
    assert "had no result after" in "\n".join(failure.value.__notes__)
    assert [timeout for _, timeout in machine_of_subclass.commands] == [FINAL_PROBE]


def test_a_probe_is_not_limited_by_its_wait(
    machine_of_subclass: OverridingMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    machine_of_subclass.wait_for_open_port(80, timeout=100)
    machine_of_subclass.wait_for_open_port(80, timeout=5000)
    assert [round(float(timeout), -1) for _, timeout in machine_of_subclass.commands] == [250, 900]


def test_a_probe_that_times_out_is_repeated(
    machine_of_subclass: OverridingMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    machine_of_subclass.statuses = [124, 1]
    machine_of_subclass.wait_for_closed_port(80)
    assert len(machine_of_subclass.commands) == 2


def test_an_attempt_is_limited_by_its_wait(machine_of_subclass: OverridingMachine) -> None:
    machine_of_subclass.statuses = [124]
    machine_of_subclass.wait_until_fails("x", timeout=5)
    assert machine_of_subclass.commands == [("x", 5)]


def test_commands_of_polling_conditions_have_their_own_limits(
    machine_of_subclass: OverridingMachine,
) -> None:
    machine_of_subclass.callbacks.append(
        lambda: machine_of_subclass.commands.append(("condition", probes.command_limit(900)))
    )
    machine_of_subclass.wait_for_open_port(80, timeout=0)
    assert machine_of_subclass.commands[0] == ("condition", 900)
