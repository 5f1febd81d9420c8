"""Sections 1.1 to 1.7: the programs, their options and variables, their exit statuses."""

import json
import os
import signal

import pytest

from support.leftovers import expect_nothing_left, qemus_of
from support.patience import with_growing_limit
from support.testbed import Testbed


def test_1_1_driver_symbols_are_written_without_input_files(testbed: Testbed) -> None:
    run = testbed.run("generate-driver-symbols")
    run.expect(0)
    names = (testbed.folder / "driver-symbols").read_text()
    assert not names.endswith("\n") and " " not in names
    assert {"start_all", "machines", "subtest", "retry", "t", "debug"} < set(names.split(","))
    assert run.stdout.startswith("additionally exposed symbols:\n")


def test_1_2_the_configuration_is_required(testbed: Testbed) -> None:
    run = testbed.run("nixos-test-driver")
    run.expect(2)
    assert run.stderr.startswith("usage: nixos-test-driver ")
    assert "nixos-test-driver: error: the following arguments are required: -c/--config" in (
        run.stderr
    )


def test_1_2_help_is_no_error(testbed: Testbed) -> None:
    run = testbed.run("nixos-test-driver", "--help")
    run.expect(0)
    assert run.stdout.startswith("usage: nixos-test-driver ")
    assert "--keep-vm-state" not in run.stdout


def test_1_2_the_older_flag_is_deprecated(testbed: Testbed) -> None:
    run = testbed.run_driver(
        testbed.configuration("pass"), "--keep-vm-state", PYTHONWARNINGS="always"
    )
    run.expect(0)
    assert (
        "DeprecationWarning: The flag '--keep-vm-state' is deprecated. "
        "Use '--keep-machine-state' instead.\n"
    ) in run.stderr
    assert "Machine state will be reset" not in run.stderr


def test_1_2_state_is_kept_with_the_flag(testbed: Testbed) -> None:
    configuration = testbed.configuration("print(os.path.exists(web.state_dir / 'disk'))")
    (testbed.state / "vm-state-web").mkdir(parents=True)
    (testbed.state / "vm-state-web/disk").touch()
    kept = testbed.run_driver(configuration, "-K")
    kept.expect(0)
    assert kept.stdout.endswith("True\n") and "deleting machine state" not in kept.stderr
    reset = testbed.run_driver(configuration)
    reset.expect(0)
    assert reset.stdout.endswith("False\n")
    assert "Machine state will be reset. To keep it, pass --keep-machine-state\n" in reset.stderr


@pytest.mark.parametrize(
    ("location", "message"), [("missing", "is not a directory"), ("file", "is not a directory")]
)
def test_1_2_the_output_directory_must_exist(testbed: Testbed, location: str, message: str) -> None:
    (testbed.folder / "file").touch()
    path = testbed.folder / location
    run = testbed.run_driver(testbed.configuration("pass"), "-o", path)
    run.expect(2)
    assert f"{path} {message}" in run.stderr


def test_1_2_the_output_directory_is_absolute(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration("print(driver.out_dir)"), "-oout")
    run.expect(0)
    assert run.stdout.endswith(f"{testbed.out}\n")


def test_1_3_configuration_flags_and_variables_make_the_same_run(testbed: Testbed) -> None:
    scripts = [testbed.start_script("web"), testbed.start_script("db")]
    text = "print([each.name for each in machines], [each.nr for each in vlans])"
    by_file = testbed.run_driver(testbed.configuration(text, scripts, vlans=[1, 2]))
    by_file.expect(0)
    (testbed.state / "vm-state-web").mkdir()
    (testbed.state / "vm-state-web/disk").touch()
    by_variables = testbed.run(
        "nixos-test-driver",
        "-o",
        testbed.out,
        startScripts=" ".join(map(str, scripts)),
        testScript=str(testbed.folder / "test.py"),
        vlans="2 1 2",
        globalTimeout="60",
    )
    by_variables.expect(0)
    by_flags = testbed.run(
        "nixos-test-driver",
        testbed.folder / "test.py",
        "--start-scripts",
        *scripts,
        "--vlans",
        "1",
        "2",
        "--global-timeout",
        "60",
        "-o",
        testbed.out,
    )
    by_flags.expect(0)
    for run in (by_file, by_variables, by_flags):
        assert run.stdout.endswith("['db', 'web'] [1, 2]\n")
    for run in (by_variables, by_flags):
        assert "Test will time out and terminate in 60 seconds\n" in run.stderr
        assert "Machine state will be reset. To keep it, pass --keep-vm-state\n" in run.stderr
    assert f"deleting VM state directory {testbed.state}/vm-state-web\n" in by_variables.stderr
    assert "if you want to keep the VM state, pass --keep-vm-state\n" in by_variables.stderr


def test_1_3_flags_override_variables_and_help_shows_them(testbed: Testbed) -> None:
    run = testbed.run("nixos-test-driver", "--help", vlans="7", COLUMNS="200")
    run.expect(0)
    assert "(default from environment: 7)" in run.stdout
    configuration = testbed.configuration("print(len(vlans))")
    script = testbed.folder / "test.py"
    assert configuration.exists()
    run = testbed.run("nixos-test-driver", script, "--vlans", "3", "-o", testbed.out, vlans="7 8")
    run.expect(0)
    assert run.stdout.endswith("1\n")


def test_1_5_keys_name_machines_and_unknown_ones_are_ignored(testbed: Testbed) -> None:
    path = testbed.configuration("print(machines[0].name, machines[0].start_command)")
    content = json.loads(path.read_text())
    content["vms"]["web"].update(name="inner", unknown=1)
    content.update(display_viewers={"vnc": {}}, more=None, global_timeout="PT1H")
    path.write_text(json.dumps(content))
    run = testbed.run_driver(path)
    run.expect(0)
    assert run.stdout.endswith(f"web {content['vms']['web']['start_script']}\n")
    assert "Test will time out and terminate in 3600 seconds\n" in run.stderr


@pytest.mark.parametrize(
    "key", ["vms", "containers", "vlans", "global_timeout", "enable_ssh_backdoor", "test_script"]
)
def test_1_5_a_missing_key_is_an_error(testbed: Testbed, key: str) -> None:
    path = testbed.configuration("pass")
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    run = testbed.run_driver(path)
    run.expect(2)
    assert f"{path}: {key} is missing" in run.stderr


PRINT_STATE_DIRECTORY = "print(web.tmp_dir)"


def test_1_6_the_base_directory_is_created_and_private(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration(PRINT_STATE_DIRECTORY))
    run.expect(0)
    assert run.stdout.endswith(f"{testbed.state}\n")
    assert testbed.state.stat().st_mode & 0o777 == 0o700


def test_1_6_the_base_directory_defaults_to_the_temporary_directory(
    testbed: Testbed,
) -> None:
    location = testbed.folder / "temporary"
    location.mkdir()
    run = testbed.run_driver(
        testbed.configuration(PRINT_STATE_DIRECTORY), XDG_RUNTIME_DIR="", TMPDIR=str(location)
    )
    run.expect(0)
    assert run.stdout.endswith(f"{location}\n")


def test_1_6_a_base_that_is_not_a_directory_is_named(testbed: Testbed) -> None:
    location = testbed.folder / "file"
    location.touch()
    run = testbed.run_driver(testbed.configuration("pass"), XDG_RUNTIME_DIR=str(location))
    run.expect(1)
    assert str(location) in run.stderr


def test_1_6_a_base_directory_that_is_not_utf_8_is_rejected(testbed: Testbed) -> None:
    location = testbed.folder / os.fsdecode(b"\xff")
    location.mkdir()
    configuration = testbed.configuration("pass")
    run = testbed.run_driver(configuration, XDG_RUNTIME_DIR=str(location))
    run.expect(1)
    assert "udcff', the place for the state of machines, is not UTF-8" in run.stderr
    run = testbed.run("nixos-test-driver", "--config", configuration, "-o", location)
    run.expect(2)
    assert "udcff' is not UTF-8" in run.stderr


@pytest.mark.parametrize(("display", "graphical"), [({}, False), ({"DISPLAY": ""}, True)])
def test_1_6_a_display_makes_qemu_graphical(
    testbed: Testbed, display: dict[str, str], graphical: bool
) -> None:
    script = """
        web.start()
        words = open(f"/proc/{web.pid}/cmdline").read().split(chr(0))
        print("-nographic" in words)
    """
    run = testbed.run_driver(testbed.configuration(script), **display)
    run.expect(0)
    assert run.stdout.endswith(f"{not graphical}\n")


def test_1_6_variables_of_the_user_reach_start_scripts(testbed: Testbed) -> None:
    script = """
        web.start()
        print(open(f"/proc/{web.pid}/environ").read().split(chr(0)).count("NIX_DISK_IMAGE=/disk"))
    """
    run = testbed.run_driver(testbed.configuration(script), NIX_DISK_IMAGE="/disk")
    run.expect(0)
    assert run.stdout.endswith("1\n")


FAILED_REQUEST = "t.assertEqual(1, 2)"


@pytest.mark.parametrize(
    ("script", "status", "message"),
    [
        ("pass", 0, "test script finished in "),
        (FAILED_REQUEST, 1, "!!! RequestedAssertionFailed: 1 != 2"),
        ("web.succeed('exit 3')", 1, "!!! RequestedAssertionFailed: command `exit 3` failed"),
        ("raise test_driver_error('no')", 1, "NameError"),
        ("assert False, 'plainly'", 1, "AssertionError: plainly"),
        ("def f(:", 1, "SyntaxError"),
        ("raise SystemExit(7)", 7, "cleanup"),
        ("import sys; sys.exit()", 0, "cleanup"),
        ("log.error('it is over')", 1, "it is over"),
        (
            "from test_driver.errors import MachineError\nraise MachineError('no disk')",
            1,
            "!!! test_driver.errors.MachineError: no disk",
        ),
    ],
)
def test_1_7_exit_statuses(testbed: Testbed, script: str, status: int, message: str) -> None:
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(status)
    assert message in run.stderr
    assert "cleanup" in run.stderr
    expect_nothing_left(testbed.folder)


def test_1_7_the_time_limit_of_the_run_ends_it_by_sigterm(testbed: Testbed) -> None:
    script = """
        with subtest("waiting"):
            web.start()
            web.execute("sleep 600")
    """

    def is_reached(limit: float) -> bool:
        configuration = testbed.configuration(script, global_timeout=int(limit))
        run = testbed.run_driver(configuration, "--junit-xml", "report/junit.xml")
        run.expect(143, limit=60 + limit)
        assert "timeout reached; test terminating..." in run.stderr
        expect_nothing_left(testbed.folder)
        report = (testbed.out / "report/junit.xml").read_text()
        assert 'failures="1"' in report
        return 'name="waiting"' in report

    with_growing_limit(is_reached, 1)


def test_1_7_ctrl_c_in_a_script_is_130(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration("web.start(); web.execute('sleep 600')"))
    run.wait_for("QEMU running")
    assert qemus_of(testbed.state)
    run.send(signal.SIGINT)
    run.expect(130)
    expect_nothing_left(testbed.folder)


def test_1_7_an_interactive_session_is_0(testbed: Testbed) -> None:
    testbed.keyboard = True
    run = testbed.run_driver(testbed.configuration("pass"), "--interactive")
    run.enter("print('typed', 6 * 7)")
    run.wait_for("typed 42")
    run.press_ctrl_d()
    run.expect(0)


def test_1_4_options_come_in_any_order_and_form(testbed: Testbed) -> None:
    configuration = testbed.configuration("print(driver.out_dir)")
    run = testbed.run(
        "nixos-test-driver",
        "--log-level",
        "error",
        f"-o{testbed.out}",
        f"--config={configuration}",
        "--no-interactive",
        "--junit=junit.xml",
    )
    run.expect(0)
    assert (testbed.out / "junit.xml").exists()
