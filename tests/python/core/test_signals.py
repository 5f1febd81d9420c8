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
    is_brief: bool = False
    """It ends by itself after seconds, and the run with it: a test may come too late."""


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
    Stage("in cleanup", "web.start()", "cleanup", "ignore-exit", is_brief=True),
]  # fmt: skip


def run_until(stage: Stage, testbed: Testbed) -> Run:
    """A run that has reached the stage."""
    fifo = testbed.folder / "fifo"
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo)
    start = testbed.start_script("web", mode=stage.mode)
    script = f"fifo = {str(fifo)!r}\n{stage.script}\n"
    run = testbed.run_driver(testbed.configuration(script, [start], VLANS))
    run.wait_for(stage.marker)
    return run


def expect_end_by(number: signal.Signals, stage: Stage, testbed: Testbed) -> None:
    """The signal, sent in the stage, ends the run. SIGINT is sent as by Ctrl-C."""
    for _ in range(5):
        run = run_until(stage, testbed)
        if number == signal.SIGINT:
            run.press_ctrl_c()
        else:
            run.send(number)
        # On a loaded host the run may have passed before the signal came.
        if not (stage.is_brief and run.finish() == 0):
            break
    run.expect(128 + number)


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
class TestStages:
    def test_ctrl_c(self, testbed: Testbed, stage: Stage) -> None:
        expect_end_by(signal.SIGINT, stage, testbed)

    def test_sigterm(self, testbed: Testbed, stage: Stage) -> None:
        expect_end_by(signal.SIGTERM, stage, testbed)

    def test_kill(self, testbed: Testbed, stage: Stage) -> None:
        expect_end_by(signal.SIGKILL, stage, testbed)
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
                web.succeed("echo in the command >&2; until [ -e {} ]; do sleep 0.1; done")
            except KeyboardInterrupt:
                print("caught", flush=True)
                print(web.succeed("echo still here"), end="")
        """
        go_on = testbed.folder / "go-on"
        run = testbed.run_driver(testbed.configuration(script.format(go_on)))
        run.wait_for("web # in the command")
        run.press_ctrl_c()
        run.wait_for("caught")
        go_on.touch()
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
