"""Sections 3.8 and 3.3: text recognition on the screen."""

import re
import threading

import pytest
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.patience import deadline
from support.shared_machines import SharedMachines, new_log, show_terminal

LIMIT = 120


def show(machine: QemuMachine, text: str) -> None:
    """Clears terminal 1 and writes `text` to it."""
    machine.succeed(rf"printf '\033[2J\033[H\033[?25l%s\n' '{text}' > /dev/tty1")


@pytest.fixture
def console(desktops: SharedMachines) -> QemuMachine:
    """The desktop, whose screen shows terminal 1 instead of the X server."""
    show_terminal(desktops["desk"], 1)
    return desktops["desk"]


def test_3_8_text_of_an_x_program_is_read(desk: QemuMachine) -> None:
    desk.send_chars("clear; echo hello from the terminal | tr a-z A-Z\n")
    with deadline(LIMIT):
        desk.wait_for_text("HELLO FROM THE TERMINAL")


def test_3_8_text_of_a_framebuffer_console_is_read(console: QemuMachine) -> None:
    show(console, "Reached target Login Prompts")
    assert console.succeed("cat /sys/class/graphics/fb0/name").startswith("bochs")
    with deadline(LIMIT):
        console.wait_for_text("Reached target Login")
        assert "Prompts" in console.get_screen_text()


def test_3_8_text_of_a_screen_in_text_mode_is_read(alpha: QemuMachine) -> None:
    # Text of the firmware: the guest's kernel writes nothing to the screen.
    with deadline(LIMIT):
        alpha.wait_for_text("Booting from ROM")


def test_3_8_there_are_three_variants_of_which_the_first_is_the_screen_text(
    console: QemuMachine,
) -> None:
    show(console, "The quick brown fox")
    with deadline(LIMIT):
        variants = console.get_screen_text_variants()
        assert len(variants) == 3
        assert console.get_screen_text() == variants[0]
    # The last variant is for light letters on a dark background.
    assert "quick brown fox" in variants[2]


def test_3_8_text_that_appears_during_the_wait_is_found(console: QemuMachine) -> None:
    show(console, "nothing yet")
    console.succeed("(sleep 2; echo Now it is here > /dev/tty1) >/dev/null 2>&1 &")
    with deadline(LIMIT):
        console.wait_for_text("N[a-z]w it is")


def test_3_8_the_last_attempt_logs_the_text(
    console: QemuMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    show(console, "Something else")
    with deadline(LIMIT):
        variants = console.get_screen_text_variants()
        new_log(console, capfd)
        with pytest.raises(RequestedAssertionFailed) as failure:
            console.wait_for_text("never", timeout=0)
    assert re.fullmatch(
        r"action timed out after \d+\.\d\d seconds \(timeout=0(\.0)?\)", str(failure.value)
    )
    log = new_log(console, capfd)
    assert "waiting for never to appear on screen" in log
    assert f"Last OCR attempt failed. Text was: {variants}" in log


def test_3_8_the_last_attempt_logs_even_matching_text(
    console: QemuMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    show(console, "Something else")
    with deadline(LIMIT):
        console.wait_for_text("Something", timeout=0)
    assert "Last OCR attempt failed. Text was: ['Something else" in new_log(console, capfd)


def test_3_8_commands_run_while_the_screen_is_read(console: QemuMachine) -> None:
    show(console, "Something else")
    found = threading.Event()

    def wait() -> None:
        console.wait_for_text("Here it comes")
        found.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    try:
        assert console.succeed("echo meanwhile") == "meanwhile\n"
    finally:
        console.succeed("echo Here it comes > /dev/tty1")
        with deadline(LIMIT):
            waiter.join()
    assert found.is_set()
