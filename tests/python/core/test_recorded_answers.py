"""What scripts that resume are answered from the record: the same as in the recorded run."""

import textwrap
from pathlib import Path

import pytest

from support.noted_scripts import Scripts
from support.testbed import Testbed


@pytest.fixture
def scripts(testbed: Testbed, folder: Path) -> Scripts:
    return Scripts(testbed, folder)


class TestAnswers:
    """A script that resumes sees the same results as the recorded one."""

    def test_outputs_and_errors(self, scripts: Scripts) -> None:
        script = """
            print("seen", note("a"), web.execute("echo b; exit 3"))
            try:
                web.succeed("echo c; false", timeout=5)
            except Exception as error:
                print("seen", type(error).__name__, error)
            print("seen", web.run("printf 'x\\\\377'").stdout_bytes)
            print("seen", web.booted, web.connected)
            web.wait_until_succeeds("true")
        """
        scripts.expect_same_answers(script)

    def test_files_that_were_copied(self, scripts: Scripts) -> None:
        script = """
            import pathlib, shutil
            shutil.rmtree(driver.out_dir / "logs", ignore_errors=True)
            web.succeed("mkdir -p /tmp/{folder}; echo text > /tmp/{folder}/file")
            web.copy_from_machine("/tmp/{folder}", "logs")
            web.screenshot("picture")
            print("seen", (driver.out_dir / "logs/{folder}/file").read_text())
            print("seen", (driver.out_dir / "picture.png").read_bytes())
        """
        name = f"charioteer-{scripts.notes.parent.name}"
        scripts.expect_same_answers(script.replace("{folder}", name))

    def test_all_machines(self, scripts: Scripts) -> None:
        script = """
            start_all()
            print("seen", all_machines.succeed("echo out"))
            note("a", web), note("b", db)
            print("seen", web.state_dir.name, db.succeed("echo db"))
        """
        scripts.expect_same_answers(script, machines=("web", "db"))

    def test_machines_of_one_name(self, scripts: Scripts) -> None:
        script = """
            command = web.start_command
            web.start()
            web.crash()
            for number in range(2):
                again = create_machine(command, name="web")
                print("seen", again.succeed(f"echo {number}"))
                again.crash()
        """
        scripts.expect_same_answers(script)

    def test_objects_from_before_the_checkpoint(self, scripts: Scripts) -> None:
        script = """
            import subprocess
            web.connect()
            process = web.process
            with subtest("start"):
                pass
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired as error:
                print("seen", type(error).__name__, process.poll(), process.pid == web.pid)
        """
        script = textwrap.dedent(script)
        recorded = scripts.record(script)
        resumed = scripts.run(script, "--resume=start")
        for run in (recorded, resumed):
            assert "seen TimeoutExpired None True" in run.stdout

    def test_threads(self, scripts: Scripts) -> None:
        script = """
            import threading
            found = {}
            def work(number):
                found[number] = [web.succeed(f"echo {number} {turn}") for turn in range(5)]
            threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
            for each in threads: each.start()
            for each in threads: each.join()
            print("seen", sorted(found.items()))
        """
        scripts.expect_same_answers(script)

    def test_the_console(self, scripts: Scripts) -> None:
        script = """
            web.succeed("true")
            web.send_console("typed\\n")
            print("seen", web.get_console_log())
        """
        scripts.expect_same_answers(script)

    def test_shutdown_and_another_start(self, scripts: Scripts) -> None:
        script = """
            note("a")
            print("seen", web.booted, web.pid is None)
            web.crash()
            print("seen", web.booted, web.connected, web.pid is None)
            web.start()
            note("b")
            web.booted = True
            print("seen", web.booted)
        """
        scripts.expect_same_answers(script)

    def test_pauses_are_skipped(self, scripts: Scripts) -> None:
        script = """
            import pathlib, time
            marker = pathlib.Path(notes + ".marker")
            # An hour, which only the run that resumes has to wait.
            time.sleep(3600 if marker.exists() else 0)
            print("seen", note("a"))
            marker.touch()
        """
        scripts.expect_same_answers(script)

    def test_polling_conditions_are_not_part_of_the_record(self, scripts: Scripts) -> None:
        script = """
            import random
            @polling_condition(seconds_interval=0)
            def answers():
                web.succeed(f"echo {random.random()}")
            web.start()
            with answers:
                print("seen", note("a"))
                print("seen", web.wait_until_succeeds("echo yes"))
        """
        scripts.expect_same_answers(script)

    def test_qemu_is_asked(self, scripts: Scripts) -> None:
        script = """
            web.connect()
            print("seen", web.qmp_client.send("query-status"))
            print("seen", web.send_monitor_command("info status"))
        """
        scripts.expect_same_answers(script)
