"""Messages and exit statuses for invalid configurations, scripts and folders."""

import json
import os
import stat

import pytest

from support.mounted import ROOT_ONLY, mounted
from support.testbed import Testbed


class TestConfiguration:
    def test_missing(self, testbed: Testbed) -> None:
        run = testbed.run_driver(testbed.folder / "none.json")
        run.expect(2)
        assert "none.json" in run.stderr and "Traceback" not in run.stderr

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"vms": 3}', "\0"])
    def test_malformed(self, testbed: Testbed, text: str) -> None:
        path = testbed.folder / "bad.json"
        path.write_text(text)
        run = testbed.run_driver(path)
        run.expect(2)
        assert "bad.json" in run.stderr and "Traceback" not in run.stderr

    def test_the_key_and_what_was_expected_are_named(self, testbed: Testbed) -> None:
        path = testbed.configuration("")
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "global_timeout": "soon"}))
        run = testbed.run_driver(path)
        run.expect(2)
        assert "global_timeout" in run.stderr and "expected" in run.stderr

    def test_missing_test_script(self, testbed: Testbed) -> None:
        path = testbed.configuration("")
        (testbed.folder / "test.py").unlink()
        run = testbed.run_driver(path)
        run.expect(2)
        assert "test.py" in run.stderr and "Traceback" not in run.stderr

    def test_no_configuration_at_all(self, testbed: Testbed) -> None:
        run = testbed.run("nixos-test-driver")
        run.expect(2)
        assert "usage: nixos-test-driver" in run.stderr and "--config" in run.stderr

    def test_unknown_option(self, testbed: Testbed) -> None:
        run = testbed.run_driver(testbed.configuration(""), "--no-such-option")
        run.expect(2)
        assert "nixos-test-driver: error:" in run.stderr


class TestClusterFile:
    def test_missing(self, testbed: Testbed) -> None:
        run = testbed.run("charioteer", "run", testbed.folder / "none")
        run.expect(2)
        assert "none" in run.stderr and "Traceback" not in run.stderr

    def test_malformed(self, testbed: Testbed) -> None:
        path = testbed.folder / "cluster.toml"
        path.write_text('script = "test.py\n')
        run = testbed.run("charioteer", "run", path)
        run.expect(2)
        assert "cluster.toml" in run.stderr and "Traceback" not in run.stderr

    def test_unknown_key(self, testbed: Testbed) -> None:
        path = testbed.folder / "cluster.toml"
        path.write_text('[machines.web]\nguest = "minimal"\nmemroy = 64\n')
        (testbed.folder / "test.py").write_text("")
        run = testbed.run("charioteer", "run", path)
        run.expect(2)
        assert "cluster.toml" in run.stderr and "memroy" in run.stderr


class TestScript:
    def test_success(self, testbed: Testbed) -> None:
        run = testbed.run_driver(testbed.configuration("print(web.succeed('echo hello'), end='')"))
        run.expect(0)
        assert run.stdout.endswith("hello\n")
        assert "test script finished in " in run.stderr

    def test_syntax_error(self, testbed: Testbed) -> None:
        run = testbed.run_driver(testbed.configuration("start_all(\n"))
        run.expect(1)
        assert "SyntaxError" in run.stderr and "starting vm" not in run.stderr

    def test_failed_command(self, testbed: Testbed) -> None:
        script = """
            web.start()
            web.succeed("echo seen; exit 3")
        """
        run = testbed.run_driver(testbed.configuration(script))
        run.expect(1)
        assert '!!!   File "<string>", line 3, in <module>' in run.stderr
        assert '!!!     web.succeed("echo seen; exit 3")' in run.stderr
        assert (
            "!!! RequestedAssertionFailed: command `echo seen; exit 3` failed (exit code 3)"
            in run.stderr
        )
        assert "web: output: seen" in run.stderr

    def test_failed_assertion(self, testbed: Testbed) -> None:
        run = testbed.run_driver(testbed.configuration("assert 1 == 2"))
        run.expect(1)
        assert "Traceback" in run.stderr and "AssertionError" in run.stderr

    def test_exit_status_of_the_script(self, testbed: Testbed) -> None:
        script = """
            import sys
            web.start()
            sys.exit(77)
        """
        testbed.run_driver(testbed.configuration(script)).expect(77)

    def test_global_timeout(self, testbed: Testbed) -> None:
        configuration = testbed.configuration("web.succeed('sleep 600')", global_timeout=1)
        run = testbed.run_driver(configuration)
        run.expect(143)
        assert "timeout reached; test terminating..." in run.stderr


class TestOutputDirectory:
    def test_missing(self, testbed: Testbed) -> None:
        missing = testbed.folder / "nowhere"
        run = testbed.run_driver(testbed.configuration(""), "-o", missing)
        run.expect(2)
        assert f"{missing} is not a directory" in run.stderr

    def test_a_file(self, testbed: Testbed) -> None:
        file = testbed.folder / "file"
        file.touch()
        run = testbed.run_driver(testbed.configuration(""), "-o", file)
        run.expect(2)
        assert f"{file} is not a directory" in run.stderr

    @pytest.mark.skipif(os.geteuid() == 0, reason="root can write to read-only folders")
    def test_read_only_by_its_mode(self, testbed: Testbed) -> None:
        testbed.out.chmod(stat.S_IRUSR | stat.S_IXUSR)
        run = testbed.run_driver(testbed.configuration(""))
        run.expect(2)
        assert f"{testbed.out} is not a writeable directory" in run.stderr

    @ROOT_ONLY
    def test_read_only_by_its_file_system(self, testbed: Testbed) -> None:
        configuration = testbed.configuration("")
        with mounted(testbed.out, "ro"):
            run = testbed.run_driver(configuration)
            run.expect(2)
        assert f"{testbed.out} is not a writeable directory" in run.stderr


class TestStateDirectory:
    def test_a_path_too_long_for_sockets(self, testbed: Testbed) -> None:
        state = testbed.folder / ("x" * 90)
        run = testbed.run_driver(testbed.configuration("start_all()"), XDG_RUNTIME_DIR=str(state))
        run.expect(1)
        assert str(state) in run.stderr and "the system allows 107" in run.stderr

    def test_path_is_a_file(self, testbed: Testbed) -> None:
        testbed.state.touch()
        run = testbed.run_driver(testbed.configuration("start_all()"))
        run.expect(1)
        assert str(testbed.state) in run.stderr

    def test_in_use_by_another_run(self, testbed: Testbed) -> None:
        configuration = testbed.configuration("web.succeed('echo held >&2; sleep 600')")
        first = testbed.run_driver(configuration)
        first.wait_for("web # held")
        second = testbed.run_driver(configuration)
        second.expect(1)
        assert "vm-state-web" in second.stderr and f"process {first.pid}" in second.stderr
        first.press_ctrl_c()
        first.expect(130)

    def test_two_runs_side_by_side(self, testbed: Testbed) -> None:
        configuration = testbed.configuration("web.succeed('echo at work >&2; sleep 600')")
        first = testbed.run_driver(configuration)
        first.wait_for("web # at work")
        other = testbed.configuration("web.succeed('touch $TMPDIR/mine')", vlans=[1])
        second = testbed.run_driver(other, XDG_RUNTIME_DIR=str(testbed.folder / "other"))
        second.expect(0)
        first.press_ctrl_c()
        first.expect(130)

    @ROOT_ONLY
    def test_full(self, testbed: Testbed) -> None:
        testbed.state.mkdir()
        script = """
            web.start()
            status, _ = web.execute("head -c 2000000 /dev/zero > $TMPDIR/disk")
            assert status != 0
            assert web.execute("echo still here") == (0, "still here\\n")
            web.copy_from_machine("/usr/bin/bash")
        """
        configuration = testbed.configuration(script)
        with mounted(testbed.state, "size=500k"):
            run = testbed.run_driver(configuration)
            run.expect(1)
        assert "No space left on device" in run.stderr and str(testbed.state) in run.stderr

    @ROOT_ONLY
    def test_full_before_it_starts(self, testbed: Testbed) -> None:
        testbed.state.mkdir()
        configuration = testbed.configuration("web.start()")
        with mounted(testbed.state, "size=4k,nr_inodes=2"):
            (testbed.state / "last").touch()
            run = testbed.run_driver(configuration)
            run.expect(1)
        assert "No space left on device" in run.stderr and str(testbed.state) in run.stderr
