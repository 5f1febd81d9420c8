"""charioteer._core.Machine with a fake QEMU, whose root shell is bash on this host."""

import json
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from charioteer import _core

from support.core_machines import PLAIN, MakeMachine
from support.patience import scaled, until, with_growing_limit


@pytest.fixture
def web(make_machine: MakeMachine) -> _core.Machine:
    """A connected machine."""
    machine = make_machine()
    machine.connect()
    return machine


def texts(reporter: _core.Reporter) -> list[str]:
    return [event.text for event in reporter.drain()]


class TestCommands:
    def test_output_and_status_are_returned(self, web: _core.Machine) -> None:
        assert web.execute("echo out; echo err >&2; exit 42") == (42, "out\n")

    def test_a_command_runs_in_its_own_shell_with_strict_options(self, web: _core.Machine) -> None:
        assert web.execute("false; echo not reached")[0] == 1
        assert web.execute("false | true")[0] == 1
        assert web.execute("echo $never_set")[0] != 0
        web.execute("export kept=1; cd /")
        assert web.execute('echo "${kept:-lost}"') == (0, "lost\n")

    def test_quotes_and_newlines_are_preserved(self, web: _core.Machine) -> None:
        assert web.execute("printf '%s' \"it's\" \\\n '\"$HOME\"'") == (0, 'it\'s"$HOME"')

    def test_no_newline_is_added_or_removed(self, web: _core.Machine) -> None:
        assert web.execute("printf 'a\\n\\nb'") == (0, "a\n\nb")
        assert web.execute("true") == (0, "")

    def test_bytes_that_are_not_utf_8_are_replaced(self, web: _core.Machine) -> None:
        assert web.execute("printf 'a\\0b\\377c'") == (0, "a\0b\ufffdc")

    def test_five_megabytes_of_output(self, web: _core.Machine) -> None:
        status, output = web.execute("yes charioteer | head -c 5000000")
        # As with upstream, pipefail gives the status 141 of `yes`.
        assert (status, len(output)) == (141, 5_000_000)

    def test_a_command_longer_than_one_write(self, web: _core.Machine) -> None:
        text = "x" * 100_000
        assert web.execute(f"printf %s {text}") == (0, text)

    def test_a_command_that_reads_its_input_does_not_consume_the_next(
        self, web: _core.Machine
    ) -> None:
        assert web.execute("cat; echo end") == (0, "end\n")
        assert web.execute("echo next") == (0, "next\n")

    def test_status_and_output_can_be_omitted(self, web: _core.Machine) -> None:
        assert web.execute("echo out; exit 3", check_return=False) == (-1, "out\n")
        assert web.execute("echo out", check_output=False) == (-2, "")
        assert web.execute("echo next") == (0, "next\n")

    @pytest.mark.parametrize("limit_of", [int, float, lambda seconds: timedelta(seconds=seconds)])
    def test_the_limit_ends_it_in_the_guest(
        self, web: _core.Machine, limit_of: Callable[[float], float | timedelta]
    ) -> None:
        def begins(seconds: float) -> bool:
            status, output = web.execute("echo begun; sleep 600", timeout=limit_of(seconds))
            assert status == 124 and output in ("", "begun\n")
            assert web.execute("echo next", timeout=None) == (0, "next\n")
            return output != ""

        with_growing_limit(begins, 1 if limit_of is int else 0.3)

    def test_threads_may_share_a_machine(self, web: _core.Machine) -> None:
        def run(number: int) -> tuple[int, str]:
            return web.execute(f"echo {number}; exit {number}")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(run, range(40))) == [(n, f"{n}\n") for n in range(40)]

    def test_waits_until_a_command_succeeds_or_fails(self, web: _core.Machine) -> None:
        count = "echo try >> $TMPDIR/tries; wc -l < $TMPDIR/tries; "
        assert web.wait_for_command(count + "test $(wc -l < $TMPDIR/tries) = 3") == "3\n"
        assert web.wait_for_command("echo down; false", success=False) == "down\n"

    def test_a_wait_that_times_out_has_the_last_output(self, web: _core.Machine) -> None:
        with pytest.raises(_core.RequestedAssertionFailed, match=r"timeout=0\)") as failure:
            web.wait_for_command("echo seen; false", timeout=0)
        assert "seen" in "\n".join(failure.value.__notes__)

    def test_a_caller_may_use_the_shell_exclusively(self, web: _core.Machine) -> None:
        descriptor = web.attach_shell()
        os.write(descriptor, b"echo by hand\n")
        select.select([descriptor], [], [], scaled(30))
        assert os.read(descriptor, 100) == b"by hand\n"
        os.close(descriptor)
        web.detach_shell()
        assert web.execute("echo next") == (0, "next\n")


class TestInterruption:
    def test_a_signal_handler_that_raises_ends_the_wait(
        self, make_machine: MakeMachine, reporter: _core.Reporter, folder: Path
    ) -> None:
        machine = make_machine()
        machine.connect()
        reporter.drain()

        def press_when_begun() -> None:
            until(lambda: "begun" in texts(reporter), 30, lambda: "the command did not begin")
            os.kill(os.getpid(), signal.SIGINT)

        presser = threading.Thread(target=press_when_begun)
        presser.start()
        with pytest.raises(KeyboardInterrupt):
            machine.execute(
                f"echo begun >&2; until [ -e {folder}/go-on ]; do sleep 0.05; done", timeout=None
            )
        presser.join()
        # The command in the guest runs on; the machine can be used after its end.
        (folder / "go-on").touch()
        assert machine.execute("echo next") == (0, "next\n")

    def test_idle_is_called_while_waiting_and_can_end_it(
        self, make_machine: MakeMachine, folder: Path
    ) -> None:
        calls: list[bool] = []

        def idle(polling: bool) -> None:
            calls.append(polling)
            (folder / "called").touch()
            if polling and len(calls) > 3:
                raise LookupError("enough")

        machine = make_machine(idle=idle)
        machine.connect()
        (folder / "called").unlink(missing_ok=True)
        machine.execute(f"until [ -e {folder}/called ]; do sleep 0.05; done")
        assert calls and True not in calls, "a command is not repeated"
        calls.clear()
        with pytest.raises(LookupError, match="enough"):
            machine.wait_for_command("false")
        assert calls == [True] * 4, "it is not called again once it has ended the wait"


class TestLifeCycle:
    def test_start_is_not_connect(
        self, make_machine: MakeMachine, reporter: _core.Reporter
    ) -> None:
        machine = make_machine()
        assert (machine.booted, machine.connected, machine.pid, machine.process) == (
            False,
            False,
            None,
            None,
        )
        machine.start()
        machine.start()
        assert (machine.booted, machine.connected) == (True, False)
        assert texts(reporter).count("starting vm") == 1
        machine.connect()
        assert machine.connected

    def test_the_process_is_like_a_popen(self, make_machine: MakeMachine) -> None:
        machine = make_machine("ignore-exit")
        machine.start()
        process = machine.process
        assert process is not None and process.pid == machine.pid
        assert process.poll() is None and process.returncode is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
        process.kill()
        assert process.wait(scaled(30)) == -9 == process.returncode

    def test_powers_off_and_starts_again_with_its_state(self, web: _core.Machine) -> None:
        web.execute("echo kept > $TMPDIR/file")
        web.poweroff()
        web.wait_for_shutdown()
        assert (web.booted, web.connected, web.pid) == (False, False, None)
        web.connect()
        assert web.execute("cat $TMPDIR/file") == (0, "kept\n")

    def test_a_shutdown_that_does_not_happen_times_out(self, web: _core.Machine) -> None:
        with pytest.raises(subprocess.TimeoutExpired):
            web.wait_for_shutdown(timeout=0.1)
        assert web.execute("true")[0] == 0

    def test_crash(self, web: _core.Machine) -> None:
        web.crash()
        web.crash()
        assert not web.booted

    @pytest.mark.parametrize("mode", ["", "ignore-exit", "no-shell", "ignore-commands"])
    def test_release_ends_any_qemu(self, make_machine: MakeMachine, mode: str) -> None:
        machine = make_machine(mode)
        machine.start()
        machine.release()
        machine.release()
        assert not machine.booted

    def test_a_folder_in_use_is_rejected_with_name_and_pid(self, make_machine: MakeMachine) -> None:
        make_machine()
        with pytest.raises(_core.MachineError, match=rf"vm-state-web.*\b{os.getpid()}\b"):
            make_machine()

    def test_old_state_is_removed_unless_kept(
        self, make_machine: MakeMachine, folder: Path
    ) -> None:
        disk = folder / "vm-state-web/disk"
        disk.parent.mkdir()
        disk.write_text("old")
        make_machine(keep_state=True).release()
        assert disk.exists()
        make_machine()
        assert not disk.exists()

    def test_arguments_and_environment_reach_the_start_script(
        self, make_machine: MakeMachine, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = folder / "run-web-vm"
        script.write_text(f'#!/bin/sh\necho "$PASSED $*" > seen\nexec {PLAIN} "$@"\n')
        script.chmod(0o755)
        machine = make_machine(command=str(script))
        monkeypatch.setenv("PASSED", "at the last moment")
        machine.start(allow_reboot=True, arguments=["-device", "a b"])
        seen = (folder / "vm-state-web/seen").read_text()
        assert seen.startswith("at the last moment -qmp unix:")
        assert "-device a b" in seen and "-no-reboot" not in seen


class TestFailures:
    def test_a_missing_start_script_is_named(self, make_machine: MakeMachine) -> None:
        machine = make_machine(command="/does/not/exist/run-web-vm")
        with pytest.raises(_core.MachineError, match="web.*/does/not/exist/run-web-vm"):
            machine.start()

    def test_output_of_an_early_exit_of_qemu_is_shown(self, make_machine: MakeMachine) -> None:
        machine = make_machine("exit")
        with pytest.raises(_core.MachineError, match="web(?s:.*)fake-qemu: no machine specified"):
            machine.start()
        assert not machine.booted

    def test_an_error_has_the_last_console_lines_of_qemu(self, make_machine: MakeMachine) -> None:
        machine = make_machine("die")
        machine.connect()
        with pytest.raises(_core.ShellError, match="web") as failure:
            machine.execute("true")
        notes = "\n".join(failure.value.__notes__)
        assert "7" in str(failure.value) and "`true`" in notes and "going down" in notes
        assert isinstance(failure.value, RuntimeError)

    def test_a_shell_that_is_killed_during_a_command(self, web: _core.Machine) -> None:
        with pytest.raises(_core.ShellError):
            web.execute("kill -KILL $PPID", timeout=None)
        with pytest.raises(_core.ShellError):
            web.execute("true")
        web.crash()
        web.connect()
        assert web.execute("echo again") == (0, "again\n")

    def test_a_path_too_long_for_a_socket_is_named_first(
        self, folder: Path, reporter: _core.Reporter
    ) -> None:
        state = folder / ("x" * 100) / "vm-state-web"
        with pytest.raises(_core.MachineError, match="x{100}/vm-state-web"):
            _core.Machine("web", PLAIN, str(state), str(folder), reporter)
        assert not state.exists()

    def test_operations_that_need_a_running_machine_raise_an_error(
        self, make_machine: MakeMachine
    ) -> None:
        machine = make_machine()
        with pytest.raises(_core.MachineError, match="web is not running"):
            machine.monitor_command("info status")
        with pytest.raises(RuntimeError, match="QMP API is not ready"):
            machine.next_qmp_event(1)


class TestFiles:
    def test_a_tree_is_copied_in_and_out(self, web: _core.Machine, folder: Path) -> None:
        data = folder / "tree/below/data"
        data.parent.mkdir(parents=True)
        data.write_bytes(bytes(range(256)) * 1000)
        data.chmod(0o750)
        inside = folder / "guest's place" / "copy"
        web.copy_in(str(folder / "tree"), str(inside))
        assert (inside / "below/data").read_bytes() == data.read_bytes()
        web.copy_out(str(inside), str(folder / "back"))
        back = folder / "back/below/data"
        assert back.read_bytes() == data.read_bytes()
        assert back.stat().st_mode & 0o777 == 0o750

    def test_a_missing_source_is_named(self, web: _core.Machine, folder: Path) -> None:
        with pytest.raises(_core.MachineError, match="/does/not/exist"):
            web.copy_out("/does/not/exist", str(folder / "back"))


class TestMonitors:
    def test_a_reply_of_the_human_monitor_has_echo_and_prompt(self, web: _core.Machine) -> None:
        reply = web.monitor_command("info status")
        assert reply == "info status\r\nran info status\r\n(qemu) "

    def test_qmp_replies_errors_and_events(self, web: _core.Machine) -> None:
        assert json.loads(web.qmp("stop")) == {"return": {}}
        assert json.loads(web.next_qmp_event(scaled(30)))["event"] == "STOP"
        with pytest.raises(TimeoutError):
            web.next_qmp_event(0.05)
        with pytest.raises(RuntimeError, match="CommandNotFound"):
            web.qmp("no-such-command")
        with pytest.raises(ValueError, match="JSON object"):
            web.qmp("stop", "[]")

    def test_screenshot(self, web: _core.Machine, folder: Path) -> None:
        web.screenshot(str(folder / "screen.png"))
        assert (folder / "screen.png").read_bytes().startswith(b"\x89PNG")

    def test_console_lines_are_kept_and_returned_once(self, web: _core.Machine) -> None:
        web.send_console(b"ls\n")
        seen: list[str] = []
        while "you typed: ls" not in seen:
            seen += web.next_console_lines(scaled(30))
        assert seen[0] == "booting"
        with pytest.raises(TimeoutError):
            web.next_console_lines(0.05)
        assert web.console_log() == "\n".join(seen)
        assert web.console_tail(1) == seen[-1:]
