"""Commands in a real guest, run by the agent."""

import subprocess
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from charioteer.cluster import configuration, definition
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine import QemuMachine
from charioteer.testing.machines import Machines

from support.patience import deadline, scaled, with_growing_limit
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster, new_log
from support.testbed import Testbed

PAIR = """
[machines.alpha]
guest = "minimal"
[machines.beta]
guest = "minimal"
"""
EVERY_BYTE = "printf '" + "".join(f"\\x{n:02x}" for n in range(256)) + "'"

pytestmark = pytest.mark.limit(240)


@pytest.fixture(scope="module")
def pair() -> Iterator[SharedMachines]:
    with machines_of_cluster(PAIR) as made:
        with deadline(BOOT_LIMIT):
            everything = Machines([made["alpha"], made["beta"]])
            everything.start()
            everything.succeed("true")
        yield made


@pytest.fixture
def alpha(pair: SharedMachines) -> QemuMachine:
    return pair["alpha"]


@pytest.fixture
def both(pair: SharedMachines) -> Machines:
    return Machines([pair["alpha"], pair["beta"]])


def is_running(machine: QemuMachine, pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    return machine.run(f"grep -q '^State:.*[^Z] (' /proc/{pid}/status").ok


class TestRun:
    def test_every_byte_on_both_streams(self, alpha: QemuMachine) -> None:
        result = alpha.run(f"{EVERY_BYTE}; {EVERY_BYTE} >&2")
        assert result.stdout_bytes == result.stderr_bytes == bytes(range(256))
        assert result.stdout[:128] == bytes(range(128)).decode() and "\ufffd" in result.stdout

    def test_every_byte_as_input(self, alpha: QemuMachine) -> None:
        assert alpha.run("cat", stdin=bytes(range(256))).stdout_bytes == bytes(range(256))
        assert alpha.run("cat", stdin="é\n").stdout == "é\n"
        assert alpha.run("cat").stdout_bytes == b""

    def test_a_command_that_leaves_its_input(self, alpha: QemuMachine) -> None:
        assert alpha.run("read line; echo $line", stdin=b"a\n" * 1_000_000).stdout == "a\n"

    @pytest.mark.parametrize("status", [0, 1, 42, 124, 255])
    def test_statuses(self, alpha: QemuMachine, status: int) -> None:
        result = alpha.run(f"exit {status}", timeout=scaled(60))
        assert (result.status, result.signal, result.timed_out) == (status, None, False)

    @pytest.mark.parametrize("number", [9, 11, 15])
    def test_signals(self, alpha: QemuMachine, number: int) -> None:
        result = alpha.run(f"kill -{number} $$")
        assert (result.status, result.signal) == (128 + number, number)

    def test_a_limit_ends_all_that_the_command_started(self, alpha: QemuMachine) -> None:
        def ends(limit: float) -> bool:
            result = alpha.run("sleep 600 & echo $!; wait", timeout=limit)
            assert (result.status, result.timed_out) == (124, True)
            if result.stdout:
                assert not is_running(alpha, int(result.stdout))
            return result.stdout != ""

        with_growing_limit(ends, 1)

    def test_check_raises_the_same_error_as_succeed(self, alpha: QemuMachine) -> None:
        command = "echo out; echo err >&2; exit 3"
        calls: list[Callable[[], object]]
        calls = [lambda: alpha.run(command).check(), lambda: alpha.succeed(command)]
        for fails in calls:
            with pytest.raises(RequestedAssertionFailed) as caught:
                fails()
            assert str(caught.value) == f"command `{command}` failed (exit code 3)"
            notes = caught.value.__notes__
            assert notes[1:3] == [
                "last lines of its output:\n  out",
                "last lines of its standard error:\n  err",
            ]

    def test_twenty_megabytes(self, alpha: QemuMachine) -> None:
        result = alpha.run("head -c 20000000 /dev/zero")
        assert result.stdout_bytes == bytes(20_000_000)

    def test_a_command_ends_with_the_last_holder_of_its_stdout(self, alpha: QemuMachine) -> None:
        command = "echo early; echo why >&2; (sleep 2; echo late; echo later >&2) & exit 3"
        result = alpha.run(command)
        assert (result.status, result.stdout, result.stderr) == (3, "early\nlate\n", "why\nlater\n")
        with alpha.spawn(command) as process:
            assert list(process) == ["early", "late"] and process.wait().status == 3

    def test_holders_of_standard_error_are_not_waited_for(self, alpha: QemuMachine) -> None:
        goes_on = "(while :; do echo x; sleep 0.01; done) >&2 & echo $!"
        result = alpha.run(f"head -c 60000 /dev/zero >&2; {goes_on}")
        assert result.stderr_bytes.startswith(bytes(60_000))
        alpha.succeed(f"kill {result.stdout}")

    def test_the_holder_of_the_output_is_named(
        self, alpha: QemuMachine, capfd: pytest.CaptureFixture[str]
    ) -> None:
        new_log(alpha, capfd)
        command = "sleep 600 & echo $!; exec true"
        with alpha.spawn(command) as process:
            pid = next(process)
            warning = (
                f"alpha: warning: `{command}` has ended, but sleep (pid {pid}) still has its "
                "stdout open; waiting until it is closed"
            )
            log = ""
            with deadline(60):
                while warning not in log:
                    log += new_log(alpha, capfd)
                    time.sleep(0.1)
            assert process.poll() is None
            alpha.succeed(f"kill {pid}")
            assert process.wait().ok


class TestSpawn:
    def test_lines_are_delivered_while_it_runs(self, alpha: QemuMachine) -> None:
        # The command continues only after the host has read the line.
        with alpha.spawn("while read line; do echo seen $line; done", stdin=True) as process:
            for number in range(3):
                process.write(f"{number}\n")
                assert next(process) == f"seen {number}"
            assert process.poll() is None
            process.close_stdin()
            assert list(process) == [] and process.wait().status == 0

    def test_standard_error_is_in_the_log_while_it_runs(
        self, alpha: QemuMachine, capfd: pytest.CaptureFixture[str]
    ) -> None:
        new_log(alpha, capfd)
        with alpha.spawn("echo on the console >&2; read line", stdin=True) as process:
            alpha.wait_for_console_text("on the console", timeout=scaled(60))
            process.write("\n")
            assert process.wait().stderr == "on the console\n"
        assert "alpha # on the console" in new_log(alpha, capfd)

    def test_it_leads_a_group_and_can_be_killed(self, alpha: QemuMachine) -> None:
        process = alpha.spawn("sleep 600 & echo $!; wait")
        child = int(next(process))
        assert is_running(alpha, process.pid) and is_running(alpha, child)
        process.kill()
        assert process.wait().signal == 15
        assert not is_running(alpha, child)

    def test_a_process_that_ignores_sigterm_is_killed(self, alpha: QemuMachine) -> None:
        with alpha.spawn("trap '' TERM; echo ready; while :; do sleep 1; done") as process:
            assert next(process) == "ready"
        assert process.wait().signal == 9

    def test_a_wait_that_is_too_short(self, alpha: QemuMachine) -> None:
        with alpha.spawn("read line", stdin=True) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
            process.write("\n")
            assert process.wait().ok

    def test_a_limit(self, alpha: QemuMachine) -> None:
        assert alpha.spawn("sleep 600", timeout=1).wait().timed_out

    def test_a_detached_process_keeps_running(self, alpha: QemuMachine) -> None:
        alpha.succeed("rm -f /tmp/fifo /tmp/detached; mkfifo /tmp/fifo")
        process = alpha.spawn("read line </tmp/fifo; echo $line >/tmp/detached")
        pid = process.pid
        process.detach()
        assert is_running(alpha, pid)
        alpha.succeed("echo went on >/tmp/fifo")
        alpha.wait_until_succeeds("grep -q 'went on' /tmp/detached", timeout=scaled(60))

    def test_output_need_not_be_read(self, alpha: QemuMachine) -> None:
        process = alpha.spawn("head -c 5000000 /dev/zero; echo done >&2")
        alpha.wait_for_console_text("done", timeout=scaled(60))
        assert len(process.wait().stdout_bytes) == 5_000_000

    def test_megabytes_of_input(self, alpha: QemuMachine) -> None:
        with alpha.spawn("wc -c", stdin=True) as process:
            for _ in range(5):
                process.write(bytes(1_000_000))
            process.close_stdin()
            assert next(process).strip() == "5000000"


class TestConcurrency:
    def test_a_hundred_spawned(self, alpha: QemuMachine) -> None:
        processes = [alpha.spawn(f"read x; echo $x; exit {n}", stdin=True) for n in range(100)]
        for number, process in enumerate(processes):
            process.write(f"{number}\n")
        results = [process.wait() for process in processes]
        assert [result.status for result in results] == list(range(100))
        assert [result.stdout for result in results] == [f"{n}\n" for n in range(100)]

    def test_a_hundred_threads(self, alpha: QemuMachine) -> None:
        with ThreadPoolExecutor(100) as pool:
            outputs = list(pool.map(lambda n: alpha.succeed(f"echo {n}"), range(100)))
        assert outputs == [f"{n}\n" for n in range(100)]

    def test_two_commands_wait_for_each_other(self, alpha: QemuMachine) -> None:
        alpha.succeed("rm -f /tmp/there /tmp/back; mkfifo /tmp/there /tmp/back")
        with ThreadPoolExecutor(2) as pool:
            asking = pool.submit(alpha.succeed, "echo ask >/tmp/there; cat /tmp/back")
            answering = pool.submit(alpha.succeed, "cat /tmp/there; echo answer >/tmp/back")
            assert (asking.result(), answering.result()) == ("answer\n", "ask\n")

    def test_one_writes_and_one_reads(self, alpha: QemuMachine) -> None:
        with alpha.spawn("cat", stdin=True) as process:

            def feed() -> None:
                for number in range(1000):
                    process.write(f"{number}\n")
                process.close_stdin()

            feeder = threading.Thread(target=feed)
            feeder.start()
            assert list(process) == [str(number) for number in range(1000)]
            feeder.join()


def test_execute_that_does_not_wait(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/gate; mkfifo /tmp/gate")
    assert alpha.execute("cat /tmp/gate >/tmp/passed", check_output=False) == (-2, "")
    alpha.succeed("echo through >/tmp/gate")
    alpha.wait_until_succeeds("grep -q through /tmp/passed", timeout=scaled(60))


class TestStream:
    def test_lines_are_in_the_log(
        self, alpha: QemuMachine, capfd: pytest.CaptureFixture[str]
    ) -> None:
        new_log(alpha, capfd)
        assert alpha.succeed("echo one; printf two", stream=True) == "one\ntwo"
        alpha.fail("echo three; false", stream=True)
        log = new_log(alpha, capfd).splitlines()
        assert [line for line in log if "|" in line] == [
            "alpha: | one",
            "alpha: | two",
            "alpha: | three",
        ]

    def test_lines_are_logged_before_the_end(self, testbed: Testbed) -> None:
        testbed.keyboard = True
        script = """
            import threading
            gate = threading.Thread(target=lambda: (input(), machine.succeed("echo >/tmp/gate")))
            machine.succeed("mkfifo /tmp/gate")
            gate.start()
            machine.succeed("echo first; cat /tmp/gate; echo last")
            gate.join()
        """
        run = testbed.run_driver(configure(testbed, script), "--stream")
        run.wait_for("machine: | first", limit=120)
        assert "machine: | last" not in run.stderr
        run.enter("go on")
        run.expect(0)
        assert "machine: | last" in run.stderr

    def test_without_the_agent_lines_are_logged_at_the_end(self, testbed: Testbed) -> None:
        script = """
            from test_driver.errors import MachineError
            machine.succeed("echo one; printf two", stream=True)
            # On a loaded host the command may not have begun at the end of the first limit.
            for limit in (1, 8, 64):
                result = machine.run("echo out; echo err >&2; sleep 600", timeout=limit)
                assert (result.status, result.timed_out) == (124, True)
                if result.stdout:
                    break
            assert (result.stdout, result.stderr) == ("out\\n", "")
            for call in (lambda: machine.run("cat", stdin="x"), lambda: machine.spawn("true")):
                try:
                    call()
                except MachineError as error:
                    print("raised:", error)
        """
        run = testbed.run_driver(configure(testbed, script), CHARIOTEER_CHANNEL="plain")
        run.expect(0, limit=120)
        assert "machine: | one\nmachine: | two\n" in run.stderr
        assert run.stdout.count("raised: machine: ") == 2
        assert run.stdout.count("needs the guest agent, which is not running") == 2


class TestAllMachines:
    def test_results_of_both_machines(self, both: Machines) -> None:
        assert both.succeed("hostname") == {"alpha": "alpha\n", "beta": "beta\n"}

    def test_failures(self, both: Machines) -> None:
        with pytest.raises(RequestedAssertionFailed) as caught:
            both.succeed("echo why >&2; test $(hostname) = alpha")
        assert str(caught.value).splitlines() == [
            "1 of 2 machines failed:",
            "beta: command `echo why >&2; test $(hostname) = alpha` failed (exit code 1)",
            "it succeeded on alpha",
        ]
        assert "beta: last lines of its standard error:\n  why" in caught.value.__notes__
        with pytest.raises(RequestedAssertionFailed, match="2 of 2 machines failed"):
            both.wait_until_succeeds("false", timeout=0)


def configure(testbed: Testbed, script: str) -> Path:
    """A configuration with a minimal guest `machine`."""
    (testbed.folder / "cluster.toml").write_text('[machines.machine]\nguest = "minimal"\n')
    (testbed.folder / "test.py").write_text(textwrap.dedent(script))
    cluster = definition.load(testbed.folder)
    return configuration.write(cluster, testbed.folder)


def test_ctrl_c_ends_the_command_in_the_guest(testbed: Testbed) -> None:
    script = """
        def spawned(command):
            with machine.spawn(command) as process:
                process.wait()
        for number, call in enumerate([machine.succeed, all_machines.succeed, spawned]):
            try:
                call(f"echo begun {number} >&2; exec sleep 600")
            except KeyboardInterrupt:
                machine.wait_until_fails("pgrep sleep", timeout=60)
                print("gone", number, flush=True)
    """
    run = testbed.run_driver(configure(testbed, script))
    for number in range(3):
        run.wait_for(f"machine # begun {number}", limit=120)
        run.press_ctrl_c()
    run.expect(0)
    ended = [line for line in run.stdout.splitlines() if line.startswith("gone")]
    assert ended == ["gone 0", "gone 1", "gone 2"]
