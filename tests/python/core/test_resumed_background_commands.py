"""Scripts that resume after commands in the background: when those end, as the script sees it."""

from pathlib import Path

import pytest

from support.noted_scripts import Scripts
from support.testbed import Testbed


@pytest.fixture
def scripts(testbed: Testbed, folder: Path) -> Scripts:
    return Scripts(testbed, folder, with_agent=True)


def test_a_block_whose_command_has_ended(scripts: Scripts) -> None:
    # Answers come at once, so that the output may not have been read at the end of the block.
    script = """
        for number in range(10):
            with web.spawn("echo out") as process:
                web.succeed("sleep 0.1")
            print("seen", process.stdout)
    """
    scripts.expect_same_answers(script)


def test_a_block_whose_command_runs(scripts: Scripts) -> None:
    script = """
        with web.spawn("cat", stdin=True) as outer:
            with web.spawn("sleep 100") as inner:
                print("seen", outer.poll(), inner.poll())
                outer.write("text\\n")
                print("seen", next(outer))
        print("seen", outer.poll(), inner.poll(), inner.wait().signal)
    """
    scripts.expect_same_answers(script)


def test_an_end_that_the_script_waits_for_in_a_loop(scripts: Scripts) -> None:
    script = """
        import time
        polls = 0
        process = web.spawn("sleep 0.3; echo out; exit 3")
        while process.poll() is None:
            polls += 1
            time.sleep(0.05)
        # All of the output was read when the status is known.
        print("seen", polls, process.poll(), process.stdout)
    """
    scripts.expect_same_answers(script)


def test_another_thread_of_the_script_waits_for_the_end(scripts: Scripts) -> None:
    script = """
        import threading, time
        process = web.spawn("sleep 0.2; echo out; exit 3")
        def poll():
            while process.poll() is None:
                time.sleep(0.05)
        thread = threading.Thread(target=poll)
        thread.start()
        thread.join()
        print("seen", process.poll(), process.stdout)
    """
    scripts.expect_same_answers(script)


def test_an_end_that_the_script_does_not_wait_for(scripts: Scripts) -> None:
    script = """
        import time
        process = web.spawn("echo out")
        print("seen", web.succeed("echo other"))
        while web.handle.live_commands:
            time.sleep(0.01)
    """
    scripts.expect_same_answers(script)


def test_a_detached_command(scripts: Scripts) -> None:
    script = """
        for number in range(10):
            process = web.spawn("true")
            web.succeed("sleep 0.05" if number % 2 else "true")
            process.detach()
            print("seen", process.poll())
    """
    scripts.expect_same_answers(script)


def test_a_command_from_before_the_checkpoint_has_ended(scripts: Scripts) -> None:
    script = """
        with web.spawn("cat", stdin=True) as process:
            process.close_stdin()
            process.wait()
            with subtest("one"):
                pass
            process.write("discarded")
            process.kill()
            print("seen", process.poll(), process.stdout)
    """
    recorded = scripts.record(script)
    run = scripts.run(script, "--resume=one")
    assert "resumed at the checkpoint 'one'" in run.stderr
    for each in (recorded, run):
        assert "seen 0 " in each.stdout, each.report()


def test_a_lost_guest_does_not_prevent_checkpoints(scripts: Scripts) -> None:
    script = """
        from test_driver.errors import MachineError
        process = web.spawn("sleep 100")
        web.crash()
        try:
            process.wait()
        except MachineError as error:
            print("seen", type(error).__name__)
        web.start()
        web.succeed("true")
    """
    scripts.expect_same_answers(script)
