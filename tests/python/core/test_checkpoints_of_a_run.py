"""Checkpoints that a script or a prompt saves and restores."""

import random
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import CompositeLogger

from support.leftovers import expect_nothing_left
from support.noted_scripts import TWO, Scripts
from support.testbed import Testbed


@pytest.fixture
def scripts(testbed: Testbed, folder: Path) -> Scripts:
    return Scripts(testbed, folder)


class TestWithinOneRun:
    def test_a_checkpoint_is_restored(self, scripts: Scripts, folder: Path) -> None:
        script = """
            note("a")
            driver.checkpoint("before")
            web.crash()
            driver.restore("before")
            print("seen", web.booted, note("b"), driver.checkpoints())
        """
        run = scripts.run(script)
        assert "seen True b ['before']" in run.stdout
        # Nothing is kept of a run without --checkpoint.
        assert list(folder.glob("store/*/record.json")) == []

    def test_an_unknown_name(self, scripts: Scripts) -> None:
        run = scripts.run('note("a")\ndriver.restore("x")\n', status=1)
        assert "there is no checkpoint 'x'; there are: none" in run.stderr

    def test_qemu_that_cannot_save(self, scripts: Scripts, testbed: Testbed) -> None:
        start = testbed.start_script("web", mode="migration-fails")
        script = """
            web.succeed("true")
            try:
                driver.checkpoint("x")
            except Exception as error:
                print("seen", error)
            print("seen", web.succeed("echo it runs on"))
        """
        run = testbed.run_driver(testbed.configuration(script, [start]), **scripts.options)
        run.expect(0)
        assert "seen it runs on" in run.stdout

    def test_a_device_that_cannot_be_saved(self, scripts: Scripts, testbed: Testbed) -> None:
        start = testbed.start_script("web")
        device = "-device vhost-user-vsock-pci,chardev=vsock_ssh"
        start.write_text(start.read_text().replace('"$@"', f'"$@" {device}'))
        script = """
            web.succeed("true")
            try:
                driver.checkpoint("x")
            except Exception as error:
                print("seen", error)
            print("seen", web.succeed("echo it runs on"), driver.checkpoints())
        """
        run = testbed.run_driver(testbed.configuration(script, [start]), **scripts.options)
        run.expect(0)
        assert "QEMU cannot save web: it has a vsock for SSH logins" in run.stdout
        assert "(sshBackdoor.enable = false)" in run.stdout
        assert "seen it runs on\n []" in run.stdout

    def test_a_machine_that_is_off(self, scripts: Scripts) -> None:
        script = """
            (web.state_dir / "disk").write_text("before")
            driver.checkpoint("off")
            note("a")
            (web.state_dir / "disk").write_text("after")
            driver.restore("off")
            print("seen", web.booted, (web.state_dir / "disk").read_text())
        """
        assert "seen False before" in scripts.run(script).stdout

    def test_a_restore_is_part_of_the_record(self, scripts: Scripts) -> None:
        script = """
            note("a")
            driver.checkpoint("before")
            note("b")
            driver.restore("before")
            with subtest("one"):
                note("c")
            driver.restore("before")
            note("d")
        """
        scripts.record(script)
        run = scripts.run(script, "--resume=one")
        assert "resumed at the checkpoint 'one'" in run.stderr
        assert scripts.done == ["d"]


class TestPrompt:
    def test_it_comes_where_the_script_resumes(self, scripts: Scripts, testbed: Testbed) -> None:
        scripts.record("value = note('a')\n" + TWO)
        testbed.keyboard = True
        run = scripts.start("value = note('a')\n" + TWO, "--resume=one", "--interactive")
        run.wait_for("resumed at the checkpoint 'one'")
        run.enter("print('seen', value, note('typed'))")
        run.wait_for("seen a typed")
        run.enter("driver.checkpoint('here'); print('seen', driver.checkpoints())")
        run.wait_for("seen ['one', 'here']")
        run.press_ctrl_d()
        run.expect(0)
        assert scripts.done == ["typed"]


def test_containers_are_refused() -> None:
    checkpoints = RunCheckpoints("test.py")
    checkpoints.attach(list, ["web", "db"], CompositeLogger([]), None)
    with pytest.raises(
        MachineError, match="'x' cannot be made: containers cannot be saved: db, web"
    ):
        checkpoints.save("x")


def test_the_option_takes_no_following_argument(
    testbed: Testbed, folder: Path, scripts: Scripts
) -> None:
    run = testbed.run("charioteer", "run", "--resume", folder / "nowhere")
    run.expect(2)
    assert "nowhere" in run.stderr


@pytest.mark.limit(300)
def test_ended_in_random_moments(scripts: Scripts, testbed: Testbed, folder: Path) -> None:
    """Nothing runs on, and no checkpoint or record that is half written is used."""
    script = """
        for number in range(5):
            with subtest(f"subtest {number}"):
                note(number)
        print("seen", [note(number) for number in "ab"])
    """
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    moments = random.Random(seed)
    # The moments are within a run that saves all checkpoints. One that resumes at the last of them
    # would end before most moments.
    store = folder / "store"
    run = scripts.start(script, "--checkpoint")
    run.wait_for(begin := "start all VLans")
    began = time.monotonic()
    run.expect(0)
    length = time.monotonic() - began
    shutil.rmtree(store)
    ended = 0
    for _ in range(20):
        run = scripts.start(script, "--checkpoint", "--resume")
        number = moments.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        # Python itself exits with 1 when Ctrl-C interrupts its start.
        run.wait_for(begin)
        timer = threading.Timer(moments.uniform(0, length), run.send, [number])
        timer.start()
        status = run.finish()
        timer.cancel()
        assert status in (0, 128 + number), run.report()
        expect_nothing_left(testbed.folder)
        ended += status != 0
        if status == 0:
            assert "seen ['a', 'b']" in run.stdout, run.report()
            shutil.rmtree(store)
    assert ended > 0, "no run was ended"
    run = scripts.run(script, "--resume")
    assert "seen ['a', 'b']" in run.stdout
