"""Sections 4.1 to 4.4: the root shell of a guest, observed through commands and the log."""

import re

import pytest
from test_driver.errors import MachineError
from test_driver.machine import QemuMachine

from conftest import ReadLog
from support.patience import scaled, with_growing_limit
from support.shared_machines import SharedMachines


def test_4_2_the_environment_of_commands(alpha: QemuMachine) -> None:
    shown = alpha.succeed('echo "$USER $HOME $DISPLAY [$PAGER] $PWD"')
    assert shown == "root /root :0.0 [] /tmp\n"


def test_4_2_nothing_of_a_command_s_shell_outlives_it(alpha: QemuMachine) -> None:
    alpha.succeed("cd /; export KEPT=1; shopt -s extglob")
    assert alpha.succeed('pwd; echo "[${KEPT:-}]"') == "/tmp\n[]\n"


def test_4_2_standard_error_is_on_the_console(alpha: QemuMachine, read_log: ReadLog) -> None:
    assert alpha.succeed("echo aside 4711 >&2; echo out") == "out\n"
    alpha.wait_for_console_text("aside 4711")
    assert "alpha # aside 4711\n" in read_log()


def test_4_2_the_shell_is_a_script_without_job_control(alpha: QemuMachine) -> None:
    assert "i" not in alpha.succeed("echo $-").strip()
    assert "m" not in alpha.succeed("echo $-").strip()


@pytest.mark.limit(180)
def test_4_3_connecting_is_logged(pair: SharedMachines, read_log: ReadLog) -> None:
    spare = pair["spare"]
    assert not spare.booted
    spare.connect()
    text = read_log()
    lines = [line for line in text.split("\n") if line.startswith("spare: ")]
    assert lines[0] == "spare: waiting for the VM to finish booting"
    assert lines[1] == "spare: starting vm"
    assert re.fullmatch(r"spare: QEMU running \(pid \d+\)", lines[2])
    assert "spare: Guest shell says: b'Spawning backdoor root shell...\\n'" in lines
    assert "spare: connected to guest root shell" in lines
    assert re.search(r"spare: \(connecting took \d+\.\d\d seconds\)\n", text)
    assert spare.is_up()
    spare.connect()
    assert read_log() == ""
    spare.crash()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("exit 42", 42),
        ("false", 1),
        ("false; true", 1),
        ("false | true", 1),
        ('echo "$unset"', 1),
        ("no-such-command-at-all", 127),
        ("/etc/passwd", 126),
        ("kill -KILL $$", 137),
        ("if then", 2),
    ],
)
def test_4_4_statuses(alpha: QemuMachine, command: str, status: int) -> None:
    assert alpha.execute(command)[0] == status


def test_4_4_a_limit_in_parts_of_a_second(alpha: QemuMachine) -> None:
    assert alpha.execute("sleep 600", timeout=0.5) == (124, "")


def test_4_4_a_command_that_catches_sigterm_has_status_124(alpha: QemuMachine) -> None:
    def catches(limit: float) -> bool:
        status, output = alpha.execute(
            "trap 'echo caught; exit 3' TERM; sleep 600 & wait", timeout=limit
        )
        assert status == 124
        return output == "caught\n"

    with_growing_limit(catches, 1)


def test_4_4_a_command_of_100000_characters(alpha: QemuMachine) -> None:
    text = "x" * 100_000
    assert len(alpha.succeed(f"echo {text}")) == 100_001


def test_4_4_newlines_tabs_quotes_and_non_ascii_letters(alpha: QemuMachine) -> None:
    text = "a\tb 'single' \"double\" `back` $dollar \\ päivää €"
    assert alpha.succeed(f"cat <<'END'\n{text}\nEND") == text + "\n"


@pytest.mark.limit(180)
def test_4_4_a_guest_that_powers_off_during_a_command(pair: SharedMachines) -> None:
    spare = pair["spare"]
    spare.connect()
    # Upstream raises ValueError, BrokenPipeError or binascii.Error, depending on timing.
    with pytest.raises(MachineError):
        spare.execute("poweroff -f; sleep 600")
    spare.wait_for_shutdown()


def test_4_5_scripts_may_use_the_shell_s_socket(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/by-hand")
    assert alpha.shell is not None
    alpha.shell.send(b"(echo done > /tmp/by-hand) &\n")
    alpha.wait_for_file("/tmp/by-hand")
    alpha.shell.sendall(b"echo 'asked by hand'\n")
    assert alpha.shell.recv(4096) == b"asked by hand\n"
    assert alpha.succeed("cat /tmp/by-hand") == "done\n"


def test_3_3_scripts_may_use_the_monitor_s_socket(alpha: QemuMachine) -> None:
    assert alpha.monitor is not None
    alpha.monitor.send(b"info status\n")
    answer = alpha.wait_for_monitor_prompt()
    assert "VM status: running" in answer and answer.endswith("(qemu) ")


def test_3_3_lines_of_the_console_are_a_queue(alpha: QemuMachine) -> None:
    alpha.succeed("printf 'first 17\\nsecond 17\\n' >&2")
    alpha.wait_until_succeeds("true")
    lines: list[str] = []
    while not lines or "second 17" not in lines[-1]:
        lines.append(alpha.last_lines.get(timeout=scaled(30)))
    assert lines[-2:] == ["first 17", "second 17"]


def test_3_3_each_console_line_is_consumed_once(alpha: QemuMachine) -> None:
    alpha.succeed("echo only once >&2")
    alpha.wait_for_console_text("only once")
    assert all("only once" not in line for line in drained(alpha))
    assert "only once" in alpha.get_console_log()
    assert "only once" in alpha.full_console_log


def drained(machine: QemuMachine) -> list[str]:
    """Removes and returns all lines of the queue."""
    lines = []
    while not machine.last_lines.empty():
        lines.append(machine.last_lines.get_nowait())
    return lines
