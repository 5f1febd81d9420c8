"""Section 3.2: waits, on a minimal guest that keeps running."""

from collections.abc import Iterator

import pytest
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.patience import scaled


def test_3_2_wait_until_a_command_succeeds(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/there; (sleep 0.3; touch /tmp/there) >/dev/null 2>&1 &")
    assert alpha.wait_until_succeeds("ls /tmp/there") == "/tmp/there\n"


def test_3_2_wait_until_a_command_fails(alpha: QemuMachine) -> None:
    alpha.succeed("touch /tmp/there; (sleep 0.3; rm /tmp/there) >/dev/null 2>&1 &")
    assert alpha.wait_until_fails("ls /tmp/there") == ""


@pytest.mark.parametrize("command", ["wait_until_succeeds", "wait_until_fails"])
def test_3_2_wait_until_times_out(alpha: QemuMachine, command: str) -> None:
    guest = "echo seen; false" if command == "wait_until_succeeds" else "echo seen"
    with pytest.raises(RequestedAssertionFailed) as failure:
        # A try that is ended at this limit has failed, and would end wait_until_fails.
        getattr(alpha, command)(guest, timeout=5)
    assert "action timed out after" in str(failure.value)
    assert "seen" in "\n".join(failure.value.__notes__)


def test_8_each_attempt_may_have_a_limit_of_its_own(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/tries")
    slow_at_first = "echo >> /tmp/tries; [ $(wc -l < /tmp/tries) -ge 2 ] || sleep 600"
    alpha.wait_until_succeeds(slow_at_first, attempt_timeout=1)
    with pytest.raises(RequestedAssertionFailed, match="action timed out"):
        # An attempt that reached its limit has not failed.
        alpha.wait_until_fails("sleep 600", timeout=0, attempt_timeout=1)


def test_3_2_wait_for_a_file(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/file-*; (sleep 0.3; touch /tmp/file-1) >/dev/null 2>&1 &")
    alpha.wait_for_file("/tmp/file-*")
    with pytest.raises(RequestedAssertionFailed, match=r"action timed out.*timeout=0"):
        alpha.wait_for_file("/does/not/exist", timeout=0)


def test_3_2_wait_for_a_port_to_open_and_to_close(alpha: QemuMachine) -> None:
    alpha.wait_for_closed_port(4711)
    pid = alpha.succeed("nc -lk 4711 >/dev/null 2>&1 & echo $!").strip()
    alpha.wait_for_open_port(4711)
    alpha.wait_for_open_port(4711, "127.0.0.1")
    alpha.succeed(f"kill {pid}")
    alpha.wait_for_closed_port(4711)
    with pytest.raises(RequestedAssertionFailed):
        alpha.wait_for_open_port(4711, timeout=1)


@pytest.fixture
def slow_port(alpha: QemuMachine) -> Iterator[int]:
    """An open port of `alpha`, and an `nc` that takes 2 s longer."""
    pid = alpha.succeed("nc -lk 4712 >/dev/null 2>&1 & echo $!").strip()
    alpha.wait_for_open_port(4712)
    nc = alpha.succeed("command -v nc").strip()
    # `nc` is a relative link, so resolve it before it is moved.
    program = alpha.succeed(f"readlink -f {nc}").strip()
    slow = f'#!/bin/sh\\nsleep 2\\nexec {program} "$@"\\n'
    alpha.succeed(f"mv {nc} {nc}.link && printf '{slow}' > {nc} && chmod 755 {nc}")
    yield 4712
    alpha.succeed(f"mv {nc}.link {nc} && kill {pid}")


def test_3_2_a_probe_may_outlast_the_limit_of_its_wait(alpha: QemuMachine, slow_port: int) -> None:
    alpha.wait_for_open_port(slow_port, timeout=1)
    with pytest.raises(RequestedAssertionFailed, match=r"action timed out.*timeout=1"):
        alpha.wait_for_closed_port(slow_port, timeout=1)


def test_3_2_an_attempt_does_not_outlast_its_limit(alpha: QemuMachine) -> None:
    alpha.wait_until_fails("sleep 60", timeout=1)
    with pytest.raises(RequestedAssertionFailed, match=r"action timed out.*timeout=1"):
        alpha.wait_until_succeeds("sleep 60", timeout=1)


def test_3_2_wait_for_a_unix_socket(alpha: QemuMachine) -> None:
    pid = alpha.succeed("nc -lkU /tmp/socket >/dev/null 2>&1 & echo $!").strip()
    alpha.wait_for_open_unix_socket("/tmp/socket")
    alpha.succeed(f"kill {pid}")
    with pytest.raises(RequestedAssertionFailed):
        alpha.wait_for_open_unix_socket("/tmp/no-socket", timeout=1)


def test_3_2_wait_for_text_on_the_console(alpha: QemuMachine) -> None:
    alpha.succeed("(sleep 0.3; echo 'a line 17 for the console' > /dev/ttyS0) >/dev/null &")
    alpha.wait_for_console_text(r"line \d+ for")
    with pytest.raises(RequestedAssertionFailed):
        alpha.wait_for_console_text("line 17 for", timeout=1)
    assert "a line 17 for the console" in alpha.get_console_log()


def test_3_2_wait_for_a_prompt_on_the_console(alpha: QemuMachine) -> None:
    ask = "printf 'passphrase for disk 4711: '; read -r word; echo \"got [$word]\""
    alpha.succeed(f"({ask}) < /dev/ttyS0 > /dev/ttyS0 &")
    alpha.wait_for_console_text("passphrase for disk 4711: $", timeout=scaled(60))
    assert alpha.get_console_log().endswith("passphrase for disk 4711:")
    alpha.send_console("opens sesame\n")
    alpha.wait_for_console_text(r"got \[opens sesame\]", timeout=scaled(60))
    with pytest.raises(RequestedAssertionFailed):
        alpha.wait_for_console_text("passphrase for disk", timeout=0)


def test_3_2_standard_error_of_commands_is_on_the_console(alpha: QemuMachine) -> None:
    alpha.succeed("echo to stderr >&2")
    alpha.wait_for_console_text("to stderr")
