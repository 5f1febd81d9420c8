"""Scripts that resume at a checkpoint: where, what is called, what differs."""

import os
import textwrap
from pathlib import Path

import pytest

from support.noted_scripts import TWO, Scripts
from support.run import Run
from support.testbed import Testbed


@pytest.fixture
def scripts(testbed: Testbed, folder: Path) -> Scripts:
    return Scripts(testbed, folder)


class TestWhereItResumes:
    def test_an_unchanged_script_resumes_at_its_last_checkpoint(self, scripts: Scripts) -> None:
        recorded = scripts.record(TWO + "note('c')")
        assert scripts.done == ["a", "b", "c"]
        assert "saving the checkpoint 'two'" in recorded.stderr
        run = scripts.run(TWO + "note('c')", "--resume")
        assert scripts.done == ["c"]
        assert "resumed at the checkpoint 'two': " in run.stderr

    def test_a_passed_one_ends_without_further_commands(
        self, scripts: Scripts, tmp_path: Path
    ) -> None:
        for name in ("journalctl", "sync"):
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\necho {name} >> {scripts.notes}\n")
            program.chmod(0o755)
        scripts.options["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
        scripts.run(TWO, "--checkpoint", "--trace")
        assert scripts.done == ["a", "b", "journalctl", "sync"]
        scripts.run(TWO, "--resume", "--trace")
        assert scripts.done == []
        # The journals belong to what a failure needs.
        failing = TWO + 'web.succeed("false")'
        scripts.run(failing, "--resume", "--trace", "--no-diagnosis", status=1)
        assert scripts.done == ["journalctl"]

    def test_a_changed_subtest_is_run_again(self, scripts: Scripts) -> None:
        scripts.record(TWO)
        run = scripts.run(TWO.replace('"b"', '"changed"'), "--resume")
        assert scripts.done == ["changed"]
        assert "resumed at the checkpoint 'one': " in run.stderr
        assert "the script differs from the recorded one: line 4: web." in run.stderr

    def test_a_change_before_the_first_checkpoint_boots(self, scripts: Scripts) -> None:
        scripts.record(TWO)
        run = scripts.run(TWO.replace('"a"', '"changed"'), "--resume")
        assert scripts.done == ["changed", "b"]
        assert "cannot resume, the machines boot" in run.stderr

    def test_the_name_of_a_checkpoint(self, scripts: Scripts) -> None:
        scripts.record(TWO)
        scripts.run(TWO, "--resume=one")
        assert scripts.done == ["b"]

    def test_a_change_before_the_named_checkpoint(self, scripts: Scripts) -> None:
        scripts.record(TWO)
        run = scripts.run(TWO.replace('"b"', '"changed"'), "--resume=two")
        assert scripts.done == ["changed"]
        assert "the script does not reach the checkpoint 'two' as recorded" in run.stderr
        assert "resumed at the checkpoint 'one': " in run.stderr

    def test_one_difference_is_logged_of_all_records(self, scripts: Scripts) -> None:
        scripts.record(TWO)
        scripts.record(TWO.replace('"a"', '"A"'))
        text = "the script differs from the recorded one: "
        # The record at which it resumes is not the newest one.
        run = scripts.run(TWO.replace('"b"', '"changed"'), "--resume=two")
        assert "resumed at the checkpoint 'one': " in run.stderr
        difference = run.stderr.partition(text)[2]
        assert "echo b " in difference.partition("recorded is ")[2].partition("\n")[0]
        assert text not in difference
        # The newest record differs, and an older one has that checkpoint.
        run = scripts.run(TWO, "--resume=two")
        assert "resumed at the checkpoint 'two': " in run.stderr and text not in run.stderr
        # No record has a checkpoint that fits.
        run = scripts.run(TWO.replace('"a"', '"changed"'), "--resume=two")
        assert "cannot resume, the machines boot" in run.stderr
        difference = run.stderr.partition(text)[2]
        assert "echo A " in difference.partition("recorded is ")[2].partition("\n")[0]
        assert text not in difference

    def test_an_unknown_name_boots(self, scripts: Scripts) -> None:
        scripts.record(TWO)
        run = scripts.run(TWO, "--resume=three")
        assert scripts.done == ["a", "b"]
        assert "no checkpoint 'three' was recorded" in run.stderr

    def test_nothing_recorded_boots(self, scripts: Scripts) -> None:
        run = scripts.run(TWO, "--resume")
        assert scripts.done == ["a", "b"]
        assert "no run with checkpoints was recorded" in run.stderr

    def test_other_time_limits_are_no_change(self, scripts: Scripts) -> None:
        script = TWO.replace(
            "with subtest", "web.wait_until_succeeds('true', timeout={})\nwith subtest"
        )
        scripts.record(script.replace("{}", "20"))
        scripts.run(script.replace("{}", "30"), "--resume")
        assert scripts.done == []

    def test_a_call_that_was_removed(self, scripts: Scripts) -> None:
        scripts.record(TWO.replace('note("b")', 'note("b"); note("c")'))
        run = scripts.run(TWO, "--resume")
        assert "resumed at the checkpoint 'one'" in run.stderr
        assert scripts.done == ["b"]

    def test_a_call_that_was_moved_before_a_checkpoint(self, scripts: Scripts) -> None:
        script = """
            with subtest("one"):
                note("a")
            with subtest("two"):
                note("b")
                note("c")
        """
        scripts.record(script)
        moved = script.replace('note("a")', 'note("a"); note("b")').replace(
            'note("b")\n                note("c")', 'note("C")'
        )
        scripts.run(moved, "--resume")
        # Not from "one", whose machine has not seen "b".
        assert scripts.done == ["a", "b", "C"]

    def test_a_checkpoint_that_was_moved(self, scripts: Scripts) -> None:
        scripts.record('note("a")\ndriver.checkpoint("x")\nnote("b")\n')
        scripts.run('note("a")\nnote("b")\ndriver.checkpoint("x")\nnote("c")\n', "--resume")
        assert scripts.done == ["a", "b", "c"]

    def test_a_call_on_all_machines_that_was_moved(self, scripts: Scripts) -> None:
        script = """
            with subtest("one"):
                note("a")
            with subtest("two"):
                all_machines.succeed(f"echo b >> {notes}")
                note("c")
        """
        scripts.record(script)
        lines = textwrap.dedent(script).splitlines(keepends=True)
        lines.insert(3, lines.pop(4))
        scripts.run("".join(lines), "--resume")
        # All calls before the end of "two" are the same, but not those before the end of "one".
        assert scripts.done == []
        scripts.run("".join(lines).replace('"c"', '"C"'), "--resume")
        assert scripts.done == ["a", "b", "C"]

    def test_calls_to_two_machines_that_were_swapped(self, scripts: Scripts) -> None:
        script = """
            start_all()
            note("a", web)
            note("b", db)
            with subtest("one"):
                pass
        """
        scripts.record(script, machines=("web", "db"))
        swapped = script.replace('"a", web', '"b", db', 1).replace(
            '"b", db)\n            with', '"a", web)\n            with'
        )
        scripts.run(swapped, "--resume", machines=("web", "db"))
        assert scripts.done == ["b", "a"]

    def test_another_test_with_the_same_machines(self, scripts: Scripts, testbed: Testbed) -> None:
        scripts.record(TWO)
        scripts.record('with subtest("other"):\n    note("x")\n')
        run = scripts.run(TWO, "--resume")
        assert "resumed at the checkpoint 'two'" in run.stderr
        assert scripts.done == []

    def test_kept_state_is_refused(self, scripts: Scripts) -> None:
        run = scripts.run(TWO, "--checkpoint", "--keep-machine-state", status=2)
        assert "cannot be combined with" in run.stderr

    def test_a_failed_run_resumes_before_its_failure(self, scripts: Scripts) -> None:
        scripts.record(TWO.replace('note("b")', 'web.succeed("false")'), status=1)
        scripts.run(TWO, "--resume")
        assert scripts.done == ["b"]

    def test_a_subtest_of_the_same_name(self, scripts: Scripts) -> None:
        script = """
            for text in "abc":
                with subtest("again"):
                    note(text)
        """
        scripts.record(script)
        scripts.run(script.replace("abc", "abd"), "--resume")
        assert scripts.done == ["d"]

    def test_checkpoints_that_the_script_names(self, scripts: Scripts) -> None:
        script = """
            note("a")
            driver.checkpoint("first")
            note("b")
        """
        scripts.record(script)
        scripts.run(script, "--resume=first")
        assert scripts.done == ["b"]

    def test_times_of_commands_are_those_of_the_recorded_run(self, scripts: Scripts) -> None:
        script = """
            import time
            begin = time.monotonic()
            first, second = web.run("sleep 0.2"), web.run("true")
            with subtest("one"):
                web.succeed("true")
            last = web.run("true")
            times = [first.begun, first.ended, second.begun, second.ended, last.begun]
            print("distances", *[each - first.begun for each in times])
            print("recorded before:", [each.ended < begin for each in (first, second, last)])
            with subtest("two"):
                pass
        """

        def distances(run: Run) -> list[float]:
            (line,) = (e for e in run.stdout.splitlines() if e.startswith("distances"))
            found = [float(word) for word in line.split()[1:]]
            assert found == sorted(found)
            return found

        recorded = scripts.record(script)
        resumed = scripts.run(script, "--resume=one", "--checkpoint")
        again = scripts.run(script, "--resume=two")
        assert distances(resumed)[:4] == pytest.approx(distances(recorded)[:4], abs=1e-6)
        assert distances(again) == pytest.approx(distances(resumed), abs=1e-6)
        for run, expected in (
            (recorded, [False, False, False]),
            (resumed, [True, True, False]),
            (again, [True, True, True]),
        ):
            assert f"recorded before: {expected}" in run.stdout

    def test_random_decisions_by_the_seed_are_those_of_the_recorded_run(
        self, scripts: Scripts
    ) -> None:
        scripts.vlans = [1]
        script = """
            with subtest("one"):
                note(vlan1.seed.value)
            note("end")
        """
        scripts.record(script)
        recorded = scripts.done[0]
        for options in (["--resume"], ["--resume", f"--seed={recorded}"]):
            run = scripts.run(script, *options)
            assert "resumed at the checkpoint 'one'" in run.stderr
            assert scripts.done == ["end"]
        run = scripts.run(script, "--resume", "--seed=5")
        assert "differs from the recorded one" in run.stderr
        assert scripts.done == ["5", "end"]

    def test_a_resumed_run_can_be_recorded_again(self, scripts: Scripts) -> None:
        scripts.record(TWO + 'with subtest("three"):\n    note("c")\n')
        changed = TWO.replace('"b"', '"B"') + 'with subtest("three"):\n    note("{}")\n'
        scripts.run(changed.replace("{}", "c"), "--resume", "--checkpoint")
        assert scripts.done == ["B", "c"]
        run = scripts.run(changed.replace("{}", "d"), "--resume")
        assert "resumed at the checkpoint 'two'" in run.stderr
        assert scripts.done == ["d"]


class TestWhatCannotBeRecorded:
    def test_a_socket_of_the_root_shell_ends_the_record(self, scripts: Scripts) -> None:
        script = """
            with subtest("one"):
                note("a")
            web.shell.send(b"true\\n")
            with subtest("two"):
                note("b")
        """
        run = scripts.record(script)
        warning = "no further checkpoints are saved: web: the script uses the root shell's socket"
        assert warning in run.stderr
        run = scripts.run(script, "--resume")
        assert "resumed at the checkpoint 'one'" in run.stderr
        assert scripts.done == ["b"]

    def test_a_call_of_another_thread_that_has_not_returned(self, scripts: Scripts) -> None:
        script = """
            import pathlib, threading
            with subtest("one"):
                thread = threading.Thread(
                    target=lambda: web.succeed(f"until test -e {notes}.go; do sleep 0.1; done")
                )
                web.connect()
                thread.start()
                web.wait_until_succeeds("true", timeout=1) if False else None
                while not web.handle.calls_under_way: pass
            pathlib.Path(notes + ".go").touch()
            thread.join()
        """
        run = scripts.record(script)
        assert "no checkpoint is saved here: a call to web of another thread" in run.stderr

    def test_qemu_that_cannot_save(self, scripts: Scripts, testbed: Testbed) -> None:
        start = testbed.start_script("web", mode="migration-fails")
        script = 'with subtest("one"):\n    web.succeed("true")\nweb.succeed("true")\n'
        run = testbed.run_driver(
            testbed.configuration(script, [start]), "--checkpoint", **scripts.options
        )
        run.expect(0)
        assert "the checkpoint 'one' was not saved" in run.stderr

    def test_a_script_that_is_another_one_each_time(self, scripts: Scripts) -> None:
        # What the rehearsal does is not what the run does: the run must not pass without a test.
        script = """
            import os, pathlib
            marker = pathlib.Path(notes + ".marker")
            if marker.exists():
                raise SystemExit(0)
            with subtest("one"):
                note("a")
            if os.getsid(0) == os.getpid() and driver._checkpoints.resumes:
                marker.touch()
        """
        scripts.record(script)
        run = scripts.run(script, "--resume", status=1)
        assert "the script ended before the checkpoint 'one'" in run.stderr

    def test_a_directory_that_cannot_be_written(self, scripts: Scripts, folder: Path) -> None:
        (folder / "store").write_text("a file")
        run = scripts.start(TWO, "--checkpoint")
        assert run.finish() == 1
        assert str(folder / "store") in run.stderr
