"""Section 3.3: the text terminals."""

import pytest
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.shared_machines import new_log


@pytest.fixture(autouse=True)
def text(server: QemuMachine) -> None:
    """Writes text to terminal 1."""
    server.succeed(r"printf '\033[2J\033[Hfirst line\nlogin of nobody: \nthird' > /dev/tty1")


def test_3_3_the_text_of_a_terminal_has_its_lines(server: QemuMachine) -> None:
    lines = server.get_tty_text("1").splitlines()
    assert [line.rstrip() for line in lines[:3]] == ["first line", "login of nobody:", "third"]
    rows, columns = server.succeed("stty -F /dev/tty1 size").split()
    assert (len(lines), len(lines[0])) == (int(rows), int(columns))


def test_3_3_waiting_until_a_terminal_matches(server: QemuMachine) -> None:
    server.wait_until_tty_matches("1", "login of [a-z]+: ")
    server.succeed("(sleep 1; echo appeared > /dev/tty1) >/dev/null 2>&1 &")
    server.wait_until_tty_matches("1", "appeared")


def test_3_3_a_terminal_that_does_not_match(
    server: QemuMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RequestedAssertionFailed, match="action timed out after"):
        server.wait_until_tty_matches("1", "n[e]ver", timeout=0)
    log = new_log(server, capfd)
    assert "waiting for n[e]ver to appear on tty 1" in log
    assert "Last chance to match /n[e]ver/ on TTY1, which currently contains: first line" in log


def test_3_3_the_text_of_a_terminal_goes_to_the_journal(server: QemuMachine) -> None:
    server.dump_tty_contents("1")
    server.wait_until_succeeds("journalctl -b | grep 'login of nobody:'")
