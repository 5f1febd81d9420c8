"""Commands and their results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_core
import pytest
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine
from log_lines import log_lines


def fake_of(machine: QemuMachine) -> fake_core.FakeMachine:
    handle: Any = machine.handle
    assert isinstance(handle, fake_core.FakeMachine)
    return handle


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_answer(status: int, output: str) -> None:
        answer = staticmethod(lambda _command: (status, output))
        monkeypatch.setattr(fake_core.FakeMachine, "answer", answer)

    return set_answer


class Recording(QemuMachine):
    """Overrides `execute`."""

    def execute(self, command: str, *_others: Any, **_more: Any) -> tuple[int, str]:
        return 3, f"own {command}\n"


class TestRun:
    def test_a_non_zero_status_is_not_an_error(self, machine: QemuMachine, answers: Any) -> None:
        answers(137, "text\n")
        fake_of(machine).errors = b"\xfftext\n"
        result = machine.run("x", stdin="in", timeout=5)
        assert (result.status, result.rc, result.signal, result.ok) == (137, 137, 9, False)
        assert (result.stdout, result.stderr) == ("text\n", "\ufffdtext\n")
        assert (result.stdout_bytes, result.stderr_bytes) == (b"text\n", b"\xfftext\n")
        assert (result.duration, result.timed_out, result.timeout) == (0.5, False, 5)
        assert (result.begun, result.ended) == (100.0, 101.5)
        assert result.machine is machine and result.command == "x"
        assert fake_of(machine).options == [
            {"input": b"in", "keep_errors": True, "log_output": False}
        ]

    def test_a_limit(self, machine: QemuMachine, answers: Any) -> None:
        answers(124, "")
        assert machine.run("x", timeout=1).timed_out

    def test_it_is_a_step_in_the_log(self, machine: QemuMachine, logger: TerminalLogger) -> None:
        machine.run("x")
        assert log_lines(logger)[0] == "web: running: x"

    def test_callbacks_run_first(self, tmp_path: Path, logger: TerminalLogger) -> None:
        def refuse() -> None:
            raise ValueError

        machine = QemuMachine(tmp_path, tmp_path, "run-web-vm", logger, callbacks=[refuse])
        calls: list[Callable[[str], object]]
        calls = [machine.run, machine.succeed, machine.fail, machine.spawn]
        for call in calls:
            with pytest.raises(ValueError):
                call("x")
        assert fake_of(machine).calls == []

    def test_a_subclass_overrides_execute(self, tmp_path: Path, logger: TerminalLogger) -> None:
        machine = Recording(tmp_path, tmp_path, "run-web-vm", logger)
        result = machine.run("x", stream=True)
        assert (result.status, result.stdout, result.stderr) == (3, "own x\n", "")
        assert "web: | own x" in log_lines(logger)
        with pytest.raises(MachineError, match="input for `x` is not supported, since Recording"):
            machine.run("x", stdin="in")

    def test_a_script_replaces_execute(self, machine: QemuMachine) -> None:
        setattr(machine, "execute", lambda *_others, **_more: (0, "own"))
        assert machine.succeed("x") == "own"

    def test_a_subclass_wraps_execute(self, tmp_path: Path, logger: TerminalLogger) -> None:
        class Wrapping(QemuMachine):
            def _execute(self, command: str, *others: Any) -> tuple[int, str]:
                return super()._execute(f"wrapped {command}", *others)

        machine = Wrapping(tmp_path, tmp_path, "run-web-vm", logger)
        machine.succeed("x", timeout=5)
        assert fake_of(machine).calls == [("execute", "wrapped x", 5)]


class TestCheck:
    def test_success(self, machine: QemuMachine) -> None:
        result = machine.run("x")
        assert result.check() is result

    def test_check_raises_the_error_of_succeed(self, machine: QemuMachine, answers: Any) -> None:
        answers(3, "out\n")
        fake_of(machine).errors = b"line 1\nline 2\n"
        errors = []
        calls: list[Callable[[], object]]
        calls = [lambda: machine.run("x").check(), lambda: machine.succeed("x")]
        for call in calls:
            with pytest.raises(RequestedAssertionFailed) as caught:
                call()
            errors.append(caught.value)
        by_check, by_succeed = errors
        assert str(by_check) == str(by_succeed) == "command `x` failed (exit code 3)"
        assert by_check.__notes__[1:] == by_succeed.__notes__[1:]
        assert by_check.__notes__[0].startswith("on web, after 0.")
        assert by_check.__notes__[0].endswith(" s (no limit)")
        assert by_check.__notes__[1:] == [
            "last lines of its output:\n  out",
            "last lines of its standard error:\n  line 1\n  line 2",
            "last lines of the console:\n  the last line",
        ]

    def test_only_the_last_lines_are_shown(self, machine: QemuMachine, answers: Any) -> None:
        answers(0, "")
        fake_of(machine).errors = b"\n".join(b"%d" % n for n in range(100))
        with pytest.raises(RequestedAssertionFailed) as caught:
            machine.fail("x")
        assert str(caught.value) == "command `x` unexpectedly succeeded"
        assert caught.value.__notes__[1].splitlines()[1:] == [f"  {n}" for n in range(90, 100)]
        assert fake_of(machine).options[0]["keep_errors"] is False

    def test_the_repr_of_a_result_is_short(self, machine: QemuMachine, answers: Any) -> None:
        answers(0, "x" * 1_000_000)
        assert repr(machine.run("y")) == (
            "<Result of `y` on web: status 0, 1000000 bytes of output, 0 of errors>"
        )


class TestStream:
    @pytest.mark.parametrize(
        ("of_run", "of_call", "logged"),
        [(False, None, False), (False, True, True), (True, None, True), (True, False, False)],
    )
    def test_the_call_overrides_the_run(
        self, machine: QemuMachine, of_run: bool, of_call: bool | None, logged: bool
    ) -> None:
        machine.streams = of_run
        machine.succeed("x", stream=of_call)
        machine.run("x", stream=of_call)
        assert [each["log_output"] for each in fake_of(machine).options] == [logged, logged]

    def test_execute_follows_the_run(self, machine: QemuMachine, answers: Any) -> None:
        answers(3, "out")
        machine.streams = True
        assert machine.execute("x", timeout=5) == (3, "out")
        assert machine.execute("x", check_return=False) == (-1, "out")
        assert fake_of(machine).calls == [("execute", "x", 5), ("execute", "x", 900)]
        assert [each["log_output"] for each in fake_of(machine).options] == [True, True]
        machine.streams = False
        machine.execute("x")
        assert fake_of(machine).options[-1]["log_output"] is False

    def test_the_run_decides_for_all_machines(self, driver: Driver) -> None:
        assert not any(each.streams for each in driver.machines)
        driver.streams = True
        assert driver.create_machine("run-x-vm").streams
