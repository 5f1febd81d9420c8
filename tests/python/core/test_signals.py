"""Ctrl-C, SIGTERM and SIGKILL at every stage of a run."""

import os
import signal
from dataclasses import dataclass

import pytest

from support.leftovers import expect_nothing_left, qemus_of
from support.run import Run
from support.testbed import Testbed

VLANS = [1]
IN_COMMAND = "web.succeed('echo in the command >&2; sleep 600')"


@dataclass(frozen=True)
class Stage:
    """A stage of a run of `script`, which begins when `marker` appears in the output."""

    name: str
    script: str
    marker: str
    mode: str = ""


STAGES = [
    Stage("before the start", "print('here', flush=True); open(fifo).read()", "here"),
    Stage("in the start script", "web.start()", "web # formatting a disk", "never-connect"),
    Stage("starting all", "start_all()", "web # formatting a disk", "never-connect"),
    Stage("booting", "web.succeed('true')", "waiting for the VM to finish booting", "no-shell"),
    Stage("in a command", IN_COMMAND, "web # in the command"),
    Stage("in an ignored command", "web.succeed('true')", "must succeed: true", "ignore-commands"),
    Stage("waiting for success", "web.wait_until_succeeds('echo try >&2; false')", "web # try"),
    Stage("waiting for the console", "web.wait_for_console_text('never')", "never to appear"),
    Stage("reading the screen", "web.start(); web.wait_for_text('never')", "never to appear"),
    Stage("waiting for the end", "web.start(); join_all()", "wait for all VMs to finish"),
    Stage("sleeping on the host", "web.start(); import time; print('zz', flush=True); time.sleep(600)", "zz"),
    Stage("in a retry", "web.start(); print('rr', flush=True); retry(lambda _: False)", "rr"),
    Stage("in cleanup", "web.start()", "cleanup", "ignore-exit"),
]  # fmt: skip


def run_until(stage: Stage, testbed: Testbed) -> Run:
    """A run that has reached the stage."""
    fifo = testbed.folder / "fifo"
    os.mkfifo(fifo)
    start = testbed.start_script("web", mode=stage.mode)
    script = f"fifo = {str(fifo)!r}\n{stage.script}\n"
    run = testbed.run_driver(testbed.configuration(script, [start], VLANS))
    run.wait_for(stage.marker)
    return run


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
class TestStages:
    def test_ctrl_c(self, testbed: Testbed, stage: Stage) -> None:
        run = run_until(stage, testbed)
        run.press_ctrl_c()
        run.expect(130)

    def test_sigterm(self, testbed: Testbed, stage: Stage) -> None:
        run = run_until(stage, testbed)
        run.send(signal.SIGTERM)
        run.expect(143)

    def test_kill(self, testbed: Testbed, stage: Stage) -> None:
        run = run_until(stage, testbed)
        run.send(signal.SIGKILL)
        run.expect(137)
        expect_nothing_left(testbed.folder)


class TestFurtherSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_the_same_signal_again_while_cleaning_up(
        self, testbed: Testbed, number: signal.Signals
    ) -> None:
        start = testbed.start_script("web", mode="ignore-exit")
        run = testbed.run_driver(testbed.configuration(IN_COMMAND, [start], VLANS))
        run.wait_for("web # in the command")
        run.send(number)
        run.wait_for("cleanup")
        run.send(number)
        run.expect(128 + number)

    def test_ctrl_c_caught_by_the_script_leaves_the_machine_usable(self, testbed: Testbed) -> None:
        script = """
            try:
                web.succeed("echo in the command >&2; sleep 600", timeout=3)
            except KeyboardInterrupt:
                print(web.succeed("echo still here"), end="")
        """
        run = testbed.run_driver(testbed.configuration(script))
        run.wait_for("web # in the command")
        run.press_ctrl_c()
        run.expect(0)
        assert run.stdout.endswith("still here\n")


class TestKilledDriver:
    def test_its_state_directory_can_be_used_immediately(self, testbed: Testbed) -> None:
        configuration = testbed.configuration(IN_COMMAND, vlans=VLANS)
        first = testbed.run_driver(configuration)
        first.wait_for("web # in the command")
        first.send(signal.SIGKILL)
        first.expect(137)
        second = testbed.run_driver(testbed.configuration("web.succeed('true')", vlans=VLANS))
        second.expect(0)

    def test_a_start_script_with_qemu_as_a_child_ends_too(self, testbed: Testbed) -> None:
        start = testbed.start_script("web")
        start.write_text(start.read_text().replace("exec ", "") + "exit $?\n")
        run = testbed.run_driver(testbed.configuration(IN_COMMAND, [start]))
        run.wait_for("web # in the command")
        assert qemus_of(testbed.state)
        run.send(signal.SIGKILL)
        run.expect(137)
        expect_nothing_left(testbed.folder)

    def test_a_qemu_that_ignores_sigterm_ends_too(self, testbed: Testbed) -> None:
        start = testbed.start_script("web", mode="ignore-exit")
        run = testbed.run_driver(testbed.configuration(IN_COMMAND, [start]))
        run.wait_for("web # in the command")
        run.send(signal.SIGKILL)
        run.expect(137)
        expect_nothing_left(testbed.folder)
