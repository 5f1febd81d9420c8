"""Ctrl-C that comes at once after a message that says what it ends."""

import socket
from pathlib import Path
from typing import NoReturn

import pytest
from charioteer.testing import keep_alive
from charioteer.testing.diagnosis.interview import Limits
from charioteer.testing.diagnosis.run_diagnosis import RunDiagnosis
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine, interact


def press_ctrl_c(*_arguments: object) -> NoReturn:
    raise KeyboardInterrupt


def test_a_console_is_left(machine: QemuMachine) -> None:
    assert not interact.console_on_terminal(machine.handle, press_ctrl_c)


def test_a_root_shell_is_left(machine: QemuMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        monkeypatch.setattr(machine.handle, "attach_shell", theirs.detach, raising=False)
        interact.shell_on_terminal(machine.handle, press_ctrl_c)
    assert getattr(machine.handle, "calls") == [("detach_shell",)]


def test_machines_that_are_kept_alive_end(
    machine: QemuMachine, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "log_test_error", press_ctrl_c)
    keep_alive.wait([machine], logger, 3600)


def test_the_questions_for_the_cause_end(
    machine: QemuMachine,
    logger: TerminalLogger,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    machine.start()
    monkeypatch.setattr(logger, "info", press_ctrl_c)
    diagnosis = RunDiagnosis(tmp_path, logger, tmp_path / "test.py")
    diagnosis.make(ValueError("wrong"), [machine], Limits(native=5, emulated=15))
    assert "happened: wrong" in "\n".join(diagnosis.first_screen)
