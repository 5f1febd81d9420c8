"""Methods of machines: their commands in the guest, log messages and exceptions."""

from pathlib import Path
from typing import Any

import fake_core
import pytest
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine
from log_lines import log_lines


def calls(machine: QemuMachine) -> list[tuple[Any, ...]]:
    made: list[tuple[Any, ...]] = getattr(machine.handle, "calls")
    return made


def answers(monkeypatch: pytest.MonkeyPatch, status: int, output: str) -> None:
    answer = staticmethod(lambda _command: (status, output))
    monkeypatch.setattr(fake_core.FakeMachine, "answer", answer)


class TestScreen:
    def test_each_picture_has_what_is_left_of_the_limit(
        self, machine: QemuMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left: list[float] = []
        now = [100.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        monkeypatch.setattr("time.sleep", lambda seconds: now.append(now.pop() + seconds))

        def read_screen(variants: int, timeout: float) -> list[tuple[int, str]]:
            left.append(timeout)
            return [(variant, "words") for variant in range(variants)]

        monkeypatch.setattr(machine.handle, "read_screen", read_screen, raising=False)
        with pytest.raises(RequestedAssertionFailed):
            machine.wait_for_text("other", timeout=3)
        assert left[0] == 3 and left == sorted(left, reverse=True)
        assert left[-1] == 0


class TestFilesThroughTheShell:
    @pytest.fixture
    def source(self, machine: QemuMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(machine.handle, "has_agent", False, raising=False)
        (tmp_path / "source").write_bytes(b"content")
        return tmp_path / "source"

    def test_are_appended_where_there_is_no_agent(
        self, machine: QemuMachine, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        appended: list[tuple[bytes, str]] = []

        def append(content: bytes, file: str) -> tuple[int, str]:
            appended.append((content, file))
            return 0, ""

        monkeypatch.setattr(machine.handle, "append_by_shell", append, raising=False)
        machine.copy_from_host_via_shell(str(source), "/root/target")
        commands = [call[1] for call in calls(machine) if call[0] == "run"]
        assert commands == ["mkdir -p $(dirname /root/target)", ": > /root/target"]
        assert appended == [(b"content", "/root/target")]

    def test_that_the_guest_cannot_write_are_a_failed_request(
        self, machine: QemuMachine, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full = (1, "base64: write error: No space left on device")
        monkeypatch.setattr(machine.handle, "append_by_shell", lambda *_: full, raising=False)
        with pytest.raises(RequestedAssertionFailed, match="/root/target") as caught:
            machine.copy_from_host_via_shell(str(source), "/root/target")
        assert full[1] in "\n".join(caught.value.__notes__)


class TestCommands:
    def test_succeed_joins_outputs(
        self, machine: QemuMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers(monkeypatch, 0, "x\n")
        assert machine.succeed("a", "b") == "x\nx\n"
        assert calls(machine) == [("run", "a", None), ("run", "b", None)]

    def test_first_command_boots(self, machine: QemuMachine, logger: TerminalLogger) -> None:
        machine.succeed("true")
        assert log_lines(logger) == [
            "web: must succeed: true",
            "web: waiting for the VM to finish booting",
            "web: (finished: waiting for the VM to finish booting, in 0.00 seconds)",
            "web: (finished: must succeed: true, in 0.00 seconds)",
        ]

    def test_a_failure_has_notes(
        self, machine: QemuMachine, logger: TerminalLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers(monkeypatch, 3, "no\n")
        with pytest.raises(RequestedAssertionFailed) as caught:
            machine.succeed("x", timeout=5)
        assert str(caught.value) == "command `x` failed (exit code 3)"
        notes = "\n".join(caught.value.__notes__)
        assert "on web, after" in notes and "limit 5 s" in notes
        assert "no" in notes and "the last line" in notes
        assert log_lines(logger)[-1] == "web: output: no\n"

    def test_unexpected_success(self, machine: QemuMachine) -> None:
        with pytest.raises(RequestedAssertionFailed, match="command `x` unexpectedly succeeded"):
            machine.fail("x")

    @pytest.mark.parametrize(
        ("call", "head", "command", "success"),
        [
            (("wait_until_succeeds", "x"), "waiting for success: x", "x", True),
            (("wait_until_fails", "x"), "waiting for failure: x", "x", False),
            (("wait_for_file", "~/f"), "waiting for file '~/f'", "test -e ~/f", True),
            (
                ("wait_for_open_port", 22),
                "waiting for TCP port 22 on localhost",
                "nc -z localhost 22",
                True,
            ),
            (
                ("wait_for_closed_port", 22, "db"),
                "waiting for TCP port 22 on db to be closed",
                "nc -z db 22",
                False,
            ),
            (
                ("wait_for_open_unix_socket", "/s"),
                "waiting for UNIX-domain stream on '/s'",
                "nc -z -U /s",
                True,
            ),
            (
                ("wait_for_open_unix_socket", "/s", True),
                "waiting for UNIX-domain datagram on '/s'",
                "nc -z -uU /s",
                True,
            ),
        ],
    )
    def test_waits(
        self,
        machine: QemuMachine,
        logger: TerminalLogger,
        call: tuple[Any, ...],
        head: str,
        command: str,
        success: bool,
    ) -> None:
        method, *arguments = call
        getattr(machine, method)(*arguments)
        assert log_lines(logger)[0] == f"web: {head}"
        kind = "wait_for_command" if method.startswith("wait_until") else "wait_for_probe"
        assert calls(machine) == [(kind, command, success, 900)]

    @pytest.mark.parametrize(
        ("call", "hint"),
        [
            (("wait_for_file", "~/f*"), ("wait-file", "~/f*")),
            (("wait_for_open_port", 22), ("wait-port", "22", "open")),
            (("wait_for_closed_port", 22, "::1"), ("wait-port", "22", "closed")),
            (("wait_for_open_unix_socket", "/s", True), ("wait-unix", "/s", "datagram")),
            # The guest cannot observe ports of other hosts.
            (("wait_for_open_port", 22, "db"), ()),
        ],
    )
    def test_the_hint_for_the_guest(
        self, machine: QemuMachine, call: tuple[Any, ...], hint: tuple[str, ...]
    ) -> None:
        method, *arguments = call
        getattr(machine, method)(*arguments)
        assert machine.handle.hint == hint  # type: ignore[attr-defined]

    def test_waits_of_a_subclass_use_its_own_execute(
        self, tmp_path: Path, logger: TerminalLogger
    ) -> None:
        class Recording(QemuMachine):
            def execute(self, command: str, *_others: Any, **_more: Any) -> tuple[int, str]:
                return 0, f"own {command}"

        machine = Recording(tmp_path, tmp_path, "run-web-vm", logger)
        assert machine.wait_until_succeeds("x") == "own x"

    def test_callbacks_run_before_commands(self, tmp_path: Path, logger: TerminalLogger) -> None:
        seen: list[str] = []
        callbacks = [lambda: seen.append("checked")]
        machine = QemuMachine(tmp_path, tmp_path, "run-web-vm", logger, callbacks=callbacks)
        machine.execute("x")
        machine.send_monitor_command("info status")
        assert seen == ["checked", "checked"]

    def test_sleep_runs_in_the_guest(self, machine: QemuMachine) -> None:
        machine.sleep(5)
        assert calls(machine) == [("run", "sleep 5", None)]


class TestUnits:
    def test_systemctl_of_a_user(self, machine: QemuMachine) -> None:
        machine.systemctl("show 'x'", user="alice")
        command = (
            "su -l alice --shell /bin/sh -c "
            r"$'XDG_RUNTIME_DIR=/run/user/`id -u` systemctl --user show \'x\''"
        )
        assert calls(machine) == [("execute", command, 900)]

    def test_properties(self, machine: QemuMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, 0, "ActiveState=active\nId=a=b\n")
        assert machine.get_unit_info("x") == {"ActiveState": "active", "Id": "a=b"}
        assert machine.get_unit_property("x", "ActiveState") == "active"

    def test_unknown_unit(self, machine: QemuMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, 4, "")
        text = 'retrieving systemctl info for unit "x" under user "u" failed with exit code 4'
        with pytest.raises(RequestedAssertionFailed, match=text):
            machine.get_unit_info("x", "u")

    def test_wrong_state(self, machine: QemuMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, 0, "ActiveState=failed\n")
        text = "Expected unit 'x' to to be in state 'active' but it is in state 'failed'"
        with pytest.raises(RequestedAssertionFailed, match=text):
            machine.require_unit_state("x")


class TestConsole:
    def test_lines_are_joined(self, machine: QemuMachine) -> None:
        setattr(machine.handle, "console", [["login"], [": ready"]])
        machine.wait_for_console_text("login: ready")

    def test_a_prompt_that_matches_is_consumed(self, machine: QemuMachine) -> None:
        setattr(machine.handle, "console", [["booted"]])
        setattr(machine.handle, "console_rest", "web login: ")
        machine.wait_for_console_text("booted.*login: $")
        assert calls(machine) == [("consume_console_rest", getattr(machine.handle, "mark"))]

    def test_a_prompt_that_does_not_match_is_kept(self, machine: QemuMachine) -> None:
        setattr(machine.handle, "console_rest", "web login: ")
        with pytest.raises(RequestedAssertionFailed):
            machine.wait_for_console_text("passphrase", timeout=0)
        assert calls(machine) == []

    def test_timeout(self, machine: QemuMachine) -> None:
        with pytest.raises(RequestedAssertionFailed, match=r"seconds \(timeout=0\)"):
            machine.wait_for_console_text("never", timeout=0)


class TestLife:
    def test_name(self, machine: QemuMachine) -> None:
        assert machine.name == "web" and repr(machine) == "<QemuMachine 'web'>"

    def test_ending_a_machine_that_is_off(
        self, machine: QemuMachine, logger: TerminalLogger
    ) -> None:
        machine.shutdown()
        machine.crash()
        machine.wait_for_shutdown()
        machine.release()
        assert calls(machine) == [] and log_lines(logger) == []

    def test_crash(self, machine: QemuMachine, logger: TerminalLogger) -> None:
        machine.start()
        machine.crash()
        assert not machine.booted
        assert log_lines(logger)[:2] == [
            "web: forced crash",
            "web: waiting for the VM to power off",
        ]

    def test_state_of_an_earlier_run(self, tmp_path: Path, logger: TerminalLogger) -> None:
        state = tmp_path / "vm-state-web"
        state.mkdir()
        QemuMachine(tmp_path, tmp_path, "run-web-vm", logger)
        assert log_lines(logger) == [
            f"web: deleting machine state directory {state}",
            "web: if you want to keep the machine state, pass --keep-machine-state",
        ]


class TestKeys:
    def test_key(self, machine: QemuMachine, logger: TerminalLogger) -> None:
        machine.send_key("A", delay=None)
        assert calls(machine) == [("send_key", "shift-a")]
        assert log_lines(logger)[0] == "web: sending key 'shift-a'"

    def test_characters(self, machine: QemuMachine, logger: TerminalLogger) -> None:
        machine.send_chars("a\n", delay=None)
        assert calls(machine) == [("send_key", "a"), ("send_key", "ret")]
        assert log_lines(logger)[0] == r"web: sending keys 'a\n'"


class TestOtherExecute:
    """All methods that run commands use an `execute` that a script replaces."""

    @pytest.fixture
    def calls(self, machine: QemuMachine) -> list[str]:
        return []

    def check(self, machine: QemuMachine, calls: list[str]) -> None:
        assert machine.succeed("a") == machine.run("b").stdout == "own"
        machine.wait_until_succeeds("c")
        machine.wait_for_file("/d")
        assert calls == ["a", "b", "c", "test -e /d"]
        with pytest.raises(MachineError, match="input for `e` is not supported"):
            machine.run("e", stdin="x")

    def test_assigned_at_any_moment(self, machine: QemuMachine, calls: list[str]) -> None:
        machine.succeed("true")

        def execute(command: str, **_options: object) -> tuple[int, str]:
            calls.append(command)
            return 0, "own"

        setattr(machine, "execute", execute)
        self.check(machine, calls)
        delattr(machine, "execute")
        machine.succeed("true")
        assert len(calls) == 4

    def test_of_a_subclass_or_a_patched_class(
        self, machine: QemuMachine, calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def execute(_machine: object, command: str, *_options: object) -> tuple[int, str]:
            calls.append(command)
            return 0, "own"

        monkeypatch.setattr(QemuMachine, "_execute", execute)
        self.check(machine, calls)
