"""Ctrl-C and SIGTERM while checkpoints are saved, chosen and restored."""

import os
import signal
from pathlib import Path

import pytest

from support.leftovers import expect_nothing_left
from support.noted_scripts import TWO, Scripts
from support.patience import until
from support.run import Run
from support.testbed import Testbed

pytestmark = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])

TWO_MACHINES = """
with subtest("one"):
    note("a", web)
with subtest("two"):
    note("b", db)
note("c", web)
"""
HANGS = "migration-hangs"


@pytest.fixture
def scripts(testbed: Testbed, folder: Path) -> Scripts:
    return Scripts(testbed, folder)


def interrupt(run: Run, number: signal.Signals, testbed: Testbed) -> None:
    """Ends the run by the signal, and expects that nothing of it runs on."""
    if number == signal.SIGINT:
        run.press_ctrl_c()
    else:
        run.send(number)
    run.expect(128 + number)
    expect_nothing_left(testbed.folder)


def test_while_a_checkpoint_is_saved(
    scripts: Scripts, testbed: Testbed, folder: Path, number: signal.Signals
) -> None:
    machines = ("web", "db")
    # `web` is saved at once, and `db` is not: half of the checkpoint is there.
    scripts.modes["db"] = HANGS
    run = scripts.start(TWO_MACHINES, "--checkpoint", machines=machines)
    run.wait_for("saving does not end")
    interrupt(run, number, testbed)
    assert [each.name for each in folder.glob("store/*/checkpoints/*")] == ["001"]
    again = scripts.run(TWO_MACHINES, "--resume", machines=machines)
    assert "resumed at the checkpoint 'one'" in again.stderr
    assert scripts.done == ["b", "c"]


def test_while_the_first_checkpoint_is_saved(
    scripts: Scripts, testbed: Testbed, number: signal.Signals
) -> None:
    scripts.options["FAKE_QEMU_MODE"] = HANGS
    run = scripts.start(TWO, "--checkpoint")
    run.wait_for("saving does not end")
    interrupt(run, number, testbed)
    del scripts.options["FAKE_QEMU_MODE"]
    again = scripts.run(TWO, "--resume")
    assert "cannot resume, the machines boot" in again.stderr
    assert scripts.done == ["a", "b"]


def test_while_a_checkpoint_is_restored(
    scripts: Scripts, testbed: Testbed, number: signal.Signals
) -> None:
    scripts.record(TWO)
    scripts.options["FAKE_QEMU_MODE"] = HANGS
    run = scripts.start(TWO, "--resume")
    run.wait_for("loading does not end")
    interrupt(run, number, testbed)
    assert scripts.done == []
    # The checkpoint is as it was.
    del scripts.options["FAKE_QEMU_MODE"]
    again = scripts.run(TWO + "note('c')", "--resume")
    assert "resumed at the checkpoint 'two'" in again.stderr
    assert scripts.done == ["c"]


def test_while_the_script_restores_one(
    scripts: Scripts, testbed: Testbed, folder: Path, number: signal.Signals
) -> None:
    script = """
        note("a")
        driver.checkpoint("good")
        import os
        os.environ["FAKE_QEMU_MODE"] = "migration-hangs"
        try:
            driver.restore("good")
        finally:
            print("seen", web.booted)
    """
    run = scripts.start(script)
    run.wait_for("loading does not end")
    interrupt(run, number, testbed)
    assert "seen False" in run.stdout
    assert list(testbed.state.glob("checkpoints-*")) == []


def test_while_the_place_to_resume_is_searched(
    scripts: Scripts, testbed: Testbed, folder: Path, number: signal.Signals
) -> None:
    fifo = folder / "fifo"
    scripts.record(TWO)
    os.mkfifo(fifo)
    run = scripts.start(f"{TWO}\nopen({str(fifo)!r}).read()\n", "--resume")

    writers: list[int] = []

    def is_read() -> bool:
        try:
            writers.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    # A child process executes the script, which waits there for input.
    until(is_read, 60, run.report)
    interrupt(run, number, testbed)
    os.close(writers[0])
    assert scripts.done == []
