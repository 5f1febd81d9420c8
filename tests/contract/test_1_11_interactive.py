"""Sections 1.11, 3.3 and 3.7: the prompt, shells and breakpoints, in a real terminal."""

import pytest

from support.terminal import Terminal
from support.testbed import Testbed

pytestmark = pytest.mark.limit(240)

SCRIPT = """
    web.succeed("echo run by the script")
    t.assertEqual(1, 2)
"""


@pytest.fixture
def prompt(testbed: Testbed) -> Terminal:
    """The prompt of a run with a machine `web` that is not started."""
    terminal = testbed.interactive(testbed.configuration(SCRIPT, vlans=[1]))
    terminal.wait_for_last_line(">>>")
    return terminal


def leave(prompt: Terminal) -> None:
    """Presses Ctrl-D and confirms ptpython's question."""
    prompt.wait_for_last_line(">>>")
    prompt.press("C-d")
    prompt.wait_for("Do you really want to exit?")
    prompt.press("Enter")
    prompt.expect(0)


def test_1_11_the_prompt_has_the_names_and_starts_no_machine(prompt: Terminal) -> None:
    assert "additionally exposed symbols:" in prompt.screen
    prompt.type("web.booted, len(vlans), driver.interactive")
    prompt.wait_for("(False, 1, True)")
    assert "Test will time out" not in prompt.screen
    leave(prompt)


def test_1_11_ipython_syntax_and_history(prompt: Terminal, testbed: Testbed) -> None:
    prompt.type("!echo from the $((40 + 2)) shell")
    prompt.wait_for("from the 42 shell")
    prompt.wait_for_last_line(">>>")
    prompt.type("words = !echo one two")
    prompt.wait_for_last_line(">>>")
    prompt.type("words[0].upper()")
    prompt.wait_for("ONE TWO")
    prompt.wait_for_last_line(">>>")
    prompt.type("start_all?")
    prompt.wait_for("Starts all machines in parallel")
    prompt.wait_for_last_line(">>>")
    leave(prompt)
    assert "words[0].upper()" in (testbed.folder / ".nixos-test-history").read_text()


def test_1_11_machines_are_started_by_hand_and_end_with_the_session(prompt: Terminal) -> None:
    prompt.type("start_all()")
    prompt.wait_for("QEMU running (pid ")
    prompt.type("web.succeed('echo $((6 * 7)) by hand')")
    prompt.wait_for("42 by hand")
    prompt.wait_for_last_line(">>>")
    leave(prompt)


def test_1_11_a_failing_script_returns_to_the_prompt(prompt: Terminal) -> None:
    prompt.type("test_script()")
    prompt.wait_for("!!! RequestedAssertionFailed: 1 != 2")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.is_up(), 'still here'")
    prompt.wait_for("(True, 'still here')")


def test_1_11_ctrl_c_ends_a_wait_and_leaves_the_machine(prompt: Terminal) -> None:
    prompt.type("web.succeed('echo begun >&2; sleep 600')")
    prompt.wait_for("web # begun")
    prompt.press("C-c")
    prompt.wait_for("KeyboardInterrupt")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.booted, 'alive'")
    prompt.wait_for("(True, 'alive')")


def test_3_3_a_shell_in_the_guest(prompt: Terminal) -> None:
    prompt.type("web.shell_interact()")
    prompt.wait_for("Terminal is ready (there is no initial prompt):")
    prompt.type("echo shell $((6 * 7))")
    prompt.wait_for("shell 42")
    prompt.press("C-d")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.succeed('echo commands go on').upper()")
    prompt.wait_for("COMMANDS GO ON")


def test_3_3_a_shell_by_an_address_of_socat(prompt: Terminal) -> None:
    # Debian's socat does not support READLINE, upstream's default address.
    prompt.type("web.shell_interact('STDIO')")
    prompt.wait_for("connected to guest root shell")
    prompt.type("echo shell $((6 * 7))")
    prompt.wait_for("shell 42")
    prompt.press("C-c")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.succeed('echo commands go on').upper()")
    prompt.wait_for("COMMANDS GO ON")


def test_3_3_the_serial_console(prompt: Terminal) -> None:
    prompt.type("web.start(); web.console_interact()")
    prompt.wait_for("Terminal is ready (there is no prompt):")
    prompt.type("login root")
    prompt.wait_for("you typed: login root")
    prompt.press("C-c")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.booted, 'alive'")
    prompt.wait_for("(True, 'alive')")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.console_interact()")
    prompt.wait_for_last_line("web: Terminal is ready (there is no prompt):")
    prompt.press("C-d")
    prompt.wait_for("web: Closing connection to the console")
