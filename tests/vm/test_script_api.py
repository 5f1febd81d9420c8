"""The script's interface, on two small guests that stay up."""

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_driver.errors import PollingConditionError, RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.team import Team

PNG = b"\x89PNG\r\n\x1a\n"


class TestCommands:
    def test_succeed_joins_the_outputs(self, alpha: QemuMachine) -> None:
        assert alpha.succeed("echo one", "echo two") == "one\ntwo\n"

    def test_succeed_names_the_command_and_its_exit_code(self, alpha: QemuMachine) -> None:
        with pytest.raises(RequestedAssertionFailed) as failure:
            alpha.succeed("true", "echo why; exit 3")
        assert str(failure.value) == "command `echo why; exit 3` failed (exit code 3)"

    def test_fail_joins_the_outputs(self, alpha: QemuMachine) -> None:
        assert alpha.fail("echo one; false", "echo two; exit 7") == "one\ntwo\n"

    def test_fail_names_the_command_that_succeeded(self, alpha: QemuMachine) -> None:
        with pytest.raises(RequestedAssertionFailed) as failure:
            alpha.fail("echo fine")
        assert str(failure.value) == "command `echo fine` unexpectedly succeeded"

    def test_execute_tells_status_and_output(self, alpha: QemuMachine) -> None:
        assert alpha.execute("echo out; echo err >&2; exit 42") == (42, "out\n")

    def test_execute_leaves_out_what_is_not_wanted(self, alpha: QemuMachine) -> None:
        assert alpha.execute("echo out; exit 3", check_return=False) == (-1, "out\n")
        assert alpha.execute("echo out", check_output=False) == (-2, "")
        assert alpha.succeed("echo next") == "next\n"

    def test_a_limit_is_exit_code_124(self, alpha: QemuMachine) -> None:
        assert alpha.execute("echo begun; sleep 600", timeout=1) == (124, "begun\n")
        with pytest.raises(RequestedAssertionFailed, match=r"failed \(exit code 124\)"):
            alpha.succeed("sleep 600", timeout=1)

    def test_bytes_that_are_no_text_become_replacements(self, alpha: QemuMachine) -> None:
        assert alpha.succeed("printf 'a\\000b\\377c'") == "a\0b\ufffdc"

    def test_five_megabytes_of_output(self, alpha: QemuMachine) -> None:
        assert len(alpha.succeed("head -c 5000000 /dev/zero | tr '\\000' x")) == 5_000_000

    def test_a_command_of_many_lines_and_quotes(self, alpha: QemuMachine) -> None:
        command = """
            for word in "it's" '"two words"'
            do
                echo "$word"
            done
        """
        assert alpha.succeed(command) == 'it\'s\n"two words"\n'

    def test_a_child_in_the_background_holds_the_output_open(self, alpha: QemuMachine) -> None:
        output = alpha.succeed("(sleep 0.2; echo late) & echo early")
        assert output == "early\nlate\n"

    def test_a_child_in_the_background_that_holds_nothing_lives_on(
        self, alpha: QemuMachine
    ) -> None:
        pid = alpha.succeed("sleep 600 >/dev/null 2>&1 & echo $!").strip()
        alpha.succeed(f"kill {pid}")

    def test_a_command_that_reads_its_input_does_not_eat_the_next(self, alpha: QemuMachine) -> None:
        assert alpha.succeed("cat; echo end") == "end\n"
        assert alpha.succeed("echo next") == "next\n"

    def test_threads_take_turns(self, alpha: QemuMachine) -> None:
        def run(number: int) -> tuple[int, str]:
            return alpha.execute(f"echo {number}; exit {number}")

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(run, range(10))) == [(n, f"{n}\n") for n in range(10)]

    def test_sleep_is_the_guests(self, alpha: QemuMachine) -> None:
        alpha.sleep(1)


class TestWaits:
    def test_until_a_command_succeeds(self, alpha: QemuMachine) -> None:
        alpha.succeed("rm -f /tmp/there; (sleep 0.3; touch /tmp/there) >/dev/null 2>&1 &")
        assert alpha.wait_until_succeeds("ls /tmp/there") == "/tmp/there\n"

    def test_until_a_command_fails(self, alpha: QemuMachine) -> None:
        alpha.succeed("touch /tmp/there; (sleep 0.3; rm /tmp/there) >/dev/null 2>&1 &")
        assert alpha.wait_until_fails("ls /tmp/there") == ""

    @pytest.mark.parametrize("command", ["wait_until_succeeds", "wait_until_fails"])
    def test_in_vain(self, alpha: QemuMachine, command: str) -> None:
        guest = "echo seen; false" if command == "wait_until_succeeds" else "echo seen"
        with pytest.raises(RequestedAssertionFailed) as failure:
            getattr(alpha, command)(guest, timeout=1)
        assert "action timed out after" in str(failure.value)
        assert "seen" in "\n".join(failure.value.__notes__)

    def test_for_a_file(self, alpha: QemuMachine) -> None:
        alpha.succeed("rm -f /tmp/file-*; (sleep 0.3; touch /tmp/file-1) >/dev/null 2>&1 &")
        alpha.wait_for_file("/tmp/file-*")
        with pytest.raises(RequestedAssertionFailed, match=r"action timed out.*timeout=0"):
            alpha.wait_for_file("/does/not/exist", timeout=0)

    def test_for_a_port_to_open_and_to_close(self, alpha: QemuMachine) -> None:
        alpha.wait_for_closed_port(4711)
        pid = alpha.succeed("nc -lk 4711 >/dev/null 2>&1 & echo $!").strip()
        alpha.wait_for_open_port(4711)
        alpha.wait_for_open_port(4711, "127.0.0.1")
        alpha.succeed(f"kill {pid}")
        alpha.wait_for_closed_port(4711)
        with pytest.raises(RequestedAssertionFailed):
            alpha.wait_for_open_port(4711, timeout=1)

    def test_for_a_unix_socket(self, alpha: QemuMachine) -> None:
        pid = alpha.succeed("nc -lkU /tmp/socket >/dev/null 2>&1 & echo $!").strip()
        alpha.wait_for_open_unix_socket("/tmp/socket")
        alpha.succeed(f"kill {pid}")
        with pytest.raises(RequestedAssertionFailed):
            alpha.wait_for_open_unix_socket("/tmp/no-socket", timeout=1)

    def test_for_text_on_the_console(self, alpha: QemuMachine) -> None:
        alpha.succeed("(sleep 0.3; echo 'a line 17 for the console' > /dev/ttyS0) >/dev/null &")
        alpha.wait_for_console_text(r"line \d+ for")
        with pytest.raises(RequestedAssertionFailed):
            alpha.wait_for_console_text("line 17 for", timeout=1)
        assert "a line 17 for the console" in alpha.get_console_log()

    def test_standard_error_of_commands_is_on_the_console(self, alpha: QemuMachine) -> None:
        alpha.succeed("echo told aside >&2")
        alpha.wait_for_console_text("told aside")

    def test_retry(self, pair: Team) -> None:
        tries: list[bool] = []

        def third(last: bool) -> bool:
            tries.append(last)
            return len(tries) == 3

        pair.symbols["retry"](third)
        assert tries == [False, False, False]
        tries.clear()
        with pytest.raises(RequestedAssertionFailed, match="action timed out after"):
            pair.symbols["retry"](lambda last: tries.append(last), timeout_seconds=0)
        assert tries == [True]


class TestKeysAndScreen:
    def test_what_is_typed_arrives_on_the_terminal(self, alpha: QemuMachine) -> None:
        alpha.succeed("rm -f /tmp/typed; head -n 1 < /dev/tty1 > /tmp/typed 2>/dev/null &")
        alpha.send_chars("Hello, World_2!")
        alpha.send_key("ret")
        alpha.wait_until_succeeds("test -s /tmp/typed")
        assert alpha.succeed("cat /tmp/typed") == "Hello, World_2!\n"

    def test_what_is_sent_to_the_console_arrives(self, alpha: QemuMachine) -> None:
        alpha.succeed("rm -f /tmp/typed; head -n 1 < /dev/ttyS0 > /tmp/typed 2>/dev/null &")
        alpha.send_console("by wire\n")
        alpha.wait_until_succeeds("grep 'by wire' /tmp/typed")

    def test_the_human_monitor(self, alpha: QemuMachine) -> None:
        answer = alpha.send_monitor_command("info status")
        assert "VM status: running" in answer and answer.endswith("(qemu) ")

    def test_screenshots_are_png_whatever_their_name(
        self, alpha: QemuMachine, pair: Team, folder: Path
    ) -> None:
        alpha.screenshot("first")
        alpha.screenshot(str(folder / "second.png"))
        for path in (pair.out / "first.png", folder / "second.png"):
            assert path.read_bytes().startswith(PNG), path

    def test_qmp(self, alpha: QemuMachine) -> None:
        assert alpha.qmp_client is not None
        assert alpha.qmp_client.send("query-status")["return"]["running"] is True
        alpha.qmp_client.send("stop")
        try:
            event = alpha.wait_for_qmp_event(
                lambda event: bool(event["event"] == "STOP"), timeout=30
            )
            assert "timestamp" in event
        finally:
            alpha.qmp_client.send("cont")
        with pytest.raises(RuntimeError, match="CommandNotFound"):
            alpha.qmp_client.send("no-such-command")


class TestFiles:
    @pytest.fixture
    def tree(self, folder: Path) -> Path:
        """A tree with a file of all byte values and more than one transfer."""
        data = folder / "tree/below/data"
        data.parent.mkdir(parents=True)
        data.write_bytes(bytes(range(256)) * 1000)
        data.chmod(0o750)
        return folder / "tree"

    def test_a_file_to_the_guest(self, alpha: QemuMachine, tree: Path) -> None:
        alpha.copy_from_host(str(tree / "below/data"), "/tmp/new folder/data")
        assert alpha.succeed("sha256sum < '/tmp/new folder/data'").split()[0] == digest(
            tree / "below/data"
        )
        assert alpha.succeed("stat -c %a '/tmp/new folder/data'") == "750\n"

    def test_a_tree_to_the_guest_and_back(self, alpha: QemuMachine, pair: Team, tree: Path) -> None:
        alpha.copy_from_host(str(tree), "/tmp/copied")
        alpha.copy_from_machine("/tmp/copied", "trees")
        back = pair.out / "trees/copied/below/data"
        assert digest(back) == digest(tree / "below/data")
        assert back.stat().st_mode & 0o777 == 0o750
        with pytest.raises(FileExistsError):
            alpha.copy_from_machine("/tmp/copied", "trees")

    def test_a_file_from_the_guest_replaces_an_older_one(
        self, alpha: QemuMachine, pair: Team
    ) -> None:
        for content in ("old", "new"):
            alpha.succeed(f"echo {content} > /tmp/content")
            alpha.copy_from_machine("/tmp/content")
        assert (pair.out / "content").read_text() == "new\n"

    def test_by_its_old_name(self, alpha: QemuMachine, pair: Team) -> None:
        alpha.succeed("echo x > /tmp/by-old-name")
        with pytest.warns(DeprecationWarning, match="copy_from_machine"):
            alpha.copy_from_vm("/tmp/by-old-name")
        assert (pair.out / "by-old-name").read_text() == "x\n"

    def test_a_file_through_the_shell(self, alpha: QemuMachine, tree: Path) -> None:
        small = tree / "small"
        small.write_bytes(bytes(range(256)))
        alpha.copy_from_host_via_shell(str(small), "/tmp/made/small")
        assert alpha.succeed("sha256sum < /tmp/made/small").split()[0] == digest(small)


class TestNetwork:
    def test_a_blocked_machine_is_not_reached_until_it_is_unblocked(
        self, alpha: QemuMachine
    ) -> None:
        ping = "ping -c 1 -W 2 beta"
        alpha.wait_until_succeeds(ping)
        alpha.block()
        alpha.fail(ping)
        alpha.unblock()
        alpha.wait_until_succeeds(ping)

    def test_a_port_of_the_host_leads_to_one_of_the_guest(self, alpha: QemuMachine) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        alpha.succeed("(echo from the guest | nc -l -N 8000) >/dev/null 2>&1 &")
        alpha.forward_port(port, 8000)
        alpha.wait_until_succeeds("netstat -ltn | grep :8000")
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            assert connection.makefile().readline() == "from the guest\n"


class TestScriptHelpers:
    def test_a_polling_condition_that_fails_ends_the_command(
        self, alpha: QemuMachine, pair: Team
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

    def test_a_polling_condition_that_fails_ends_a_wait(
        self, alpha: QemuMachine, pair: Team
    ) -> None:
        checks = 0

        @pair.symbols["polling_condition"](seconds_interval=0)  # type: ignore[misc]
        def patient() -> bool:
            """Holds for three checks."""
            nonlocal checks
            checks += 1
            return checks <= 3

        with patient, pytest.raises(PollingConditionError, match="Holds for three checks"):
            alpha.wait_until_succeeds("false")

    def test_a_subtest_tells_and_passes_on_what_failed(
        self, pair: Team, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(LookupError), pair.symbols["subtest"]("finding it"):
            raise LookupError("it is not here")
        pair.driver.logger.reporter.flush()
        assert 'Test "finding it" failed with error: "it is not here"' in capfd.readouterr().err

    def test_serial_lines_can_be_silenced(
        self, alpha: QemuMachine, pair: Team, capfd: pytest.CaptureFixture[str]
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

    def test_symbols(self, pair: Team) -> None:
        for name in (
            "start_all join_all test_script run_tests machines vlans vlan1 driver log os subtest"
            " retry create_machine serial_stdout_on serial_stdout_off polling_condition t"
            " Machine BaseMachine QemuMachine debug alpha beta spare"
        ).split():
            assert name in pair.symbols, name
        assert [machine.name for machine in pair.symbols["machines"]] == ["alpha", "beta", "spare"]
        with pytest.raises(RequestedAssertionFailed):
            pair.symbols["t"].assertEqual(1, 2)


def digest(path: Path) -> str:
    return subprocess.run(
        ["sha256sum", path], capture_output=True, text=True, check=True
    ).stdout.split()[0]
