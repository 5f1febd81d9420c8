"""Messages and exit statuses of runs whose QEMU or guest fails, with a fake QEMU."""

import os
import signal
from pathlib import Path

from support.leftovers import qemus_of
from support.patience import with_growing_limit
from support.testbed import Testbed


class TestStartScript:
    def test_missing(self, testbed: Testbed) -> None:
        start = Path("/does/not/exist/run-web-vm")
        run = testbed.run_driver(testbed.configuration("start_all()", [start]))
        run.expect(1)
        assert f"the start script {start} does not exist" in run.stderr

    def test_not_executable(self, testbed: Testbed) -> None:
        start = testbed.start_script("web")
        start.chmod(0o644)
        run = testbed.run_driver(testbed.configuration("web.start()", [start]))
        run.expect(1)
        assert f"{start} cannot be executed" in run.stderr and "chmod +x" in run.stderr

    def test_whose_interpreter_is_missing(self, testbed: Testbed) -> None:
        start = testbed.start_script("web")
        start.write_text("#!/no/such/interpreter\n")
        run = testbed.run_driver(testbed.configuration("web.start()", [start]))
        run.expect(1)
        assert "web: QEMU process exited with code 12" in run.stderr
        assert "run-web-vm" in run.stderr

    def test_output_of_an_early_exit_is_shown(self, testbed: Testbed) -> None:
        start = testbed.start_script("web", "echo 'no image'; echo 'no disk' >&2; exit 4\n")
        run = testbed.run_driver(testbed.configuration("web.start()", [start]))
        run.expect(1)
        assert "!!! " in run.stderr and "web: QEMU process exited with code 4" in run.stderr
        assert "no image" in run.stderr and "no disk" in run.stderr

    def test_that_finds_no_qemu(self, testbed: Testbed) -> None:
        start = testbed.start_script("web", 'exec qemu-system-x86_64 "$@"\n')
        tools = testbed.folder / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to("/usr/bin/python3")
        run = testbed.run_driver(testbed.configuration("web.start()", [start]), PATH=str(tools))
        run.expect(1)
        assert "exited with code 127" in run.stderr
        assert "qemu-system-x86_64" in run.stderr and "not found" in run.stderr

    def test_a_failure_names_the_machine(self, testbed: Testbed) -> None:
        starts = [testbed.start_script("good"), testbed.start_script("bad", mode="exit")]
        run = testbed.run_driver(testbed.configuration("start_all()", starts))
        run.expect(1)
        assert "Failed to start the following machines:" in run.stderr
        assert "fake-qemu: no machine specified" in run.stderr

    def test_that_has_qemu_as_a_child(self, testbed: Testbed) -> None:
        start = testbed.start_script("web")
        start.write_text(start.read_text().replace("exec ", "") + "exit $?\n")
        run = testbed.run_driver(testbed.configuration("web.succeed('true')", [start]))
        run.expect(0)


class TestGuest:
    def test_that_never_starts_the_shell(self, testbed: Testbed) -> None:
        start = testbed.start_script("web", mode="no-shell")

        def waits(limit: float) -> bool:
            configuration = testbed.configuration(
                "web.succeed('true')", [start], global_timeout=int(limit)
            )
            run = testbed.run_driver(configuration)
            run.expect(143, limit=60 + limit)
            assert "timeout reached" in run.stderr
            return "waiting for the VM to finish booting" in run.stderr

        with_growing_limit(waits, 1)

    def test_that_panics(self, testbed: Testbed) -> None:
        # In parallel, since each waits 15 s for further console output.
        modes = {"early": "panic", "late": "panic-after-greeting"}
        starts = [testbed.start_script(name, mode=mode) for name, mode in modes.items()]
        run = testbed.run_driver(testbed.configuration("all_machines.succeed('true')", starts))
        run.expect(1)
        for name in modes:
            assert f"{name}: the guest's kernel panicked: " in run.stderr
            assert f"{name}: last lines of the console:" in run.stderr
        assert run.stderr.count("No working init found") >= 2 * len(modes)

    def test_whose_shell_is_killed_during_a_command(self, testbed: Testbed) -> None:
        kill = "kill -KILL $PPID"
        run = testbed.run_driver(testbed.configuration(f'web.succeed("{kill}", timeout=None)'))
        run.expect(1)
        assert "!!! " in run.stderr and "Shell disconnected" in run.stderr

    def test_whose_qemu_exits_during_a_command(self, testbed: Testbed) -> None:
        start = testbed.start_script("web", mode="die")
        run = testbed.run_driver(testbed.configuration("web.succeed('true')", [start]))
        run.expect(1)
        assert "!!! " in run.stderr and "while running `true`" in run.stderr
        assert "going down" in run.stderr

    def test_whose_qemu_is_killed_during_a_command(self, testbed: Testbed) -> None:
        run = testbed.run_driver(testbed.configuration("web.succeed('echo begun >&2; sleep 600')"))
        run.wait_for("web # begun")
        (qemu,) = qemus_of(testbed.state)
        os.kill(qemu, signal.SIGKILL)
        run.expect(1)
        assert "QEMU was ended by signal 9 (Killed)" in run.stderr and "web" in run.stderr

    def test_that_has_ended_can_be_started_again(self, testbed: Testbed) -> None:
        script = """
            from test_driver.errors import MachineError
            web.start()
            try:
                # The fake guest is a shell of this host.
                web.succeed(f"kill -KILL {web.process.pid}; sleep 600")
            except MachineError as error:
                print(f"raised: {error}")
            web.wait_for_shutdown()
            print(web.succeed("echo again"), end="")
        """
        run = testbed.run_driver(testbed.configuration(script))
        run.expect(0)
        assert "raised: " in run.stdout and run.stdout.endswith("again\n")

    def test_that_ignores_sigterm_is_killed(self, testbed: Testbed) -> None:
        start = testbed.start_script("web", mode="ignore-exit")
        testbed.run_driver(testbed.configuration("web.start()", [start])).expect(0)
