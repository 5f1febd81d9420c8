"""Messages and exit statuses for invalid configurations, scripts and folders."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from support.workshop import Workshop

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")


class TestConfiguration:
    def test_missing(self, workshop: Workshop) -> None:
        run = workshop.drive(workshop.folder / "none.json")
        run.expect(2)
        assert "none.json" in run.stderr and "Traceback" not in run.stderr

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"vms": 3}', "\0"])
    def test_malformed(self, workshop: Workshop, text: str) -> None:
        path = workshop.folder / "bad.json"
        path.write_text(text)
        run = workshop.drive(path)
        run.expect(2)
        assert "bad.json" in run.stderr and "Traceback" not in run.stderr

    def test_the_key_and_what_was_expected_are_named(self, workshop: Workshop) -> None:
        path = workshop.configuration("")
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "global_timeout": "soon"}))
        run = workshop.drive(path)
        run.expect(2)
        assert "global_timeout" in run.stderr and "expected" in run.stderr

    def test_missing_test_script(self, workshop: Workshop) -> None:
        path = workshop.configuration("")
        (workshop.folder / "test.py").unlink()
        run = workshop.drive(path)
        run.expect(2)
        assert "test.py" in run.stderr and "Traceback" not in run.stderr

    def test_no_configuration_at_all(self, workshop: Workshop) -> None:
        run = workshop.run("nixos-test-driver")
        run.expect(2)
        assert "usage: nixos-test-driver" in run.stderr and "--config" in run.stderr

    def test_unknown_option(self, workshop: Workshop) -> None:
        run = workshop.drive(workshop.configuration(""), "--no-such-option")
        run.expect(2)
        assert "nixos-test-driver: error:" in run.stderr


class TestClusterFile:
    def test_missing(self, workshop: Workshop) -> None:
        run = workshop.run("charioteer", "run", workshop.folder / "none")
        run.expect(2)
        assert "none" in run.stderr and "Traceback" not in run.stderr

    def test_malformed(self, workshop: Workshop) -> None:
        path = workshop.folder / "cluster.toml"
        path.write_text('script = "test.py\n')
        run = workshop.run("charioteer", "run", path)
        run.expect(2)
        assert "cluster.toml" in run.stderr and "Traceback" not in run.stderr

    def test_unknown_key(self, workshop: Workshop) -> None:
        path = workshop.folder / "cluster.toml"
        path.write_text('[machines.web]\nguest = "minimal"\nmemroy = 64\n')
        (workshop.folder / "test.py").write_text("")
        run = workshop.run("charioteer", "run", path)
        run.expect(2)
        assert "cluster.toml" in run.stderr and "memroy" in run.stderr


class TestScript:
    def test_success(self, workshop: Workshop) -> None:
        run = workshop.drive(workshop.configuration("print(web.succeed('echo hello'), end='')"))
        run.expect(0)
        assert run.stdout.endswith("hello\n")
        assert "test script finished in " in run.stderr

    def test_syntax_error(self, workshop: Workshop) -> None:
        run = workshop.drive(workshop.configuration("start_all(\n"))
        run.expect(1)
        assert "SyntaxError" in run.stderr and "starting vm" not in run.stderr

    def test_failed_command(self, workshop: Workshop) -> None:
        script = """
            web.start()
            web.succeed("echo seen; exit 3")
        """
        run = workshop.drive(workshop.configuration(script))
        run.expect(1)
        assert '!!!   File "<string>", line 3, in <module>' in run.stderr
        assert '!!!     web.succeed("echo seen; exit 3")' in run.stderr
        assert (
            "!!! RequestedAssertionFailed: command `echo seen; exit 3` failed (exit code 3)"
            in run.stderr
        )
        assert "web: output: seen" in run.stderr

    def test_failed_assertion(self, workshop: Workshop) -> None:
        run = workshop.drive(workshop.configuration("assert 1 == 2"))
        run.expect(1)
        assert "Traceback" in run.stderr and "AssertionError" in run.stderr

    def test_exit_status_of_the_script(self, workshop: Workshop) -> None:
        script = """
            import sys
            web.start()
            sys.exit(77)
        """
        workshop.drive(workshop.configuration(script)).expect(77)

    def test_global_timeout(self, workshop: Workshop) -> None:
        configuration = workshop.configuration("web.succeed('sleep 600')", global_timeout=1)
        run = workshop.drive(configuration)
        run.expect(143)
        assert "timeout reached; test terminating..." in run.stderr


class TestOutputDirectory:
    def test_missing(self, workshop: Workshop) -> None:
        missing = workshop.folder / "nowhere"
        run = workshop.drive(workshop.configuration(""), "-o", missing)
        run.expect(2)
        assert f"{missing} is not a directory" in run.stderr

    def test_a_file(self, workshop: Workshop) -> None:
        file = workshop.folder / "file"
        file.touch()
        run = workshop.drive(workshop.configuration(""), "-o", file)
        run.expect(2)
        assert f"{file} is not a directory" in run.stderr

    @pytest.mark.skipif(os.geteuid() == 0, reason="root can write to read-only folders")
    def test_read_only_by_its_mode(self, workshop: Workshop) -> None:
        workshop.out.chmod(stat.S_IRUSR | stat.S_IXUSR)
        run = workshop.drive(workshop.configuration(""))
        run.expect(2)
        assert f"{workshop.out} is not a writeable directory" in run.stderr

    @ROOT_ONLY
    def test_read_only_by_its_file_system(self, workshop: Workshop) -> None:
        configuration = workshop.configuration("")
        with mounted(workshop.out, "ro"):
            run = workshop.drive(configuration)
            run.expect(2)
        assert f"{workshop.out} is not a writeable directory" in run.stderr


class TestStateDirectory:
    def test_a_path_too_long_for_sockets(self, workshop: Workshop) -> None:
        state = workshop.folder / ("x" * 90)
        run = workshop.drive(workshop.configuration("start_all()"), XDG_RUNTIME_DIR=str(state))
        run.expect(1)
        assert str(state) in run.stderr and "the system allows 107" in run.stderr

    def test_path_is_a_file(self, workshop: Workshop) -> None:
        workshop.state.touch()
        run = workshop.drive(workshop.configuration("start_all()"))
        run.expect(1)
        assert str(workshop.state) in run.stderr

    def test_in_use_by_another_run(self, workshop: Workshop) -> None:
        configuration = workshop.configuration("web.succeed('echo held >&2; sleep 600')")
        first = workshop.drive(configuration)
        first.wait_for("web # held")
        second = workshop.drive(configuration)
        second.expect(1)
        assert "vm-state-web" in second.stderr and f"process {first.pid}" in second.stderr
        first.press_ctrl_c()
        first.expect(130)

    def test_two_runs_side_by_side(self, workshop: Workshop) -> None:
        configuration = workshop.configuration("web.succeed('echo at work >&2; sleep 600')")
        first = workshop.drive(configuration)
        first.wait_for("web # at work")
        other = workshop.configuration("web.succeed('touch $TMPDIR/mine')", vlans=[1])
        second = workshop.drive(other, XDG_RUNTIME_DIR=str(workshop.folder / "other"))
        second.expect(0)
        first.press_ctrl_c()
        first.expect(130)

    @ROOT_ONLY
    def test_full(self, workshop: Workshop) -> None:
        workshop.state.mkdir()
        script = """
            web.start()
            status, _ = web.execute("head -c 2000000 /dev/zero > $TMPDIR/disk")
            assert status != 0
            assert web.execute("echo still here") == (0, "still here\\n")
            web.copy_from_machine("/usr/bin/bash")
        """
        configuration = workshop.configuration(script)
        with mounted(workshop.state, "size=500k"):
            run = workshop.drive(configuration)
            run.expect(1)
        assert "No space left on device" in run.stderr and str(workshop.state) in run.stderr

    @ROOT_ONLY
    def test_full_before_it_starts(self, workshop: Workshop) -> None:
        workshop.state.mkdir()
        configuration = workshop.configuration("web.start()")
        with mounted(workshop.state, "size=4k,nr_inodes=2"):
            (workshop.state / "last").touch()
            run = workshop.drive(configuration)
            run.expect(1)
        assert "No space left on device" in run.stderr and str(workshop.state) in run.stderr


class mounted:
    """Mounts a small file system at `path` for the duration of the block."""

    def __init__(self, path: Path, options: str) -> None:
        self.path, self.options = path, options

    def __enter__(self) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", self.path], check=True)

    def __exit__(self, *_exception: object) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=True)
