"""Somebody at the keyboard: shells, consoles and breakpoints in the middle of a script."""

import socket

from support.patience import scaled
from support.workshop import Workshop


def test_a_shell_on_the_terminal(workshop: Workshop) -> None:
    workshop.keyboard = True
    script = """
        web.succeed("true")
        web.shell_interact()
        print(web.succeed("echo the test goes on"), end="")
    """
    run = workshop.drive(workshop.configuration(script))
    run.wait_for("Terminal is ready (there is no initial prompt):")
    run.enter("cd /; echo in $PWD")
    run.wait_for("in /")
    run.enter("exec bash --norc")
    run.enter("echo in another $((1 + 1))")
    run.wait_for("in another 2")
    run.press_ctrl_d()
    run.expect(0)
    assert "the test goes on" in run.stdout


def test_a_shell_left_by_ctrl_c(workshop: Workshop) -> None:
    workshop.keyboard = True
    script = "web.shell_interact(); print(web.succeed('echo the test goes on'))"
    run = workshop.drive(workshop.configuration(script))
    run.wait_for("Terminal is ready")
    run.enter("echo half a li")
    run.wait_for("half a li")
    run.press_ctrl_c()
    run.expect(0)
    assert "the test goes on" in run.stdout


def test_the_console_on_the_terminal(workshop: Workshop) -> None:
    workshop.keyboard = True
    script = """
        web.start()
        web.console_interact()
        web.wait_for_console_text("you typed: login root")
    """
    run = workshop.drive(workshop.configuration(script))
    run.wait_for("Terminal is ready (there is no prompt):")
    run.enter("login root")
    run.wait_for("you typed: login root")
    run.press_ctrl_d()
    run.expect(0)
    assert "Closing connection to the console" in run.stderr


def test_a_failing_script_waits_for_a_debugger(workshop: Workshop) -> None:
    script = """
        answer = 6 * 7
        raise LookupError("not here")
    """
    run = workshop.drive(workshop.configuration(script), "--debug-hook-attach", "attach-to-sandbox")
    run.wait_for("!!! Breakpoint reached, run 'sudo attach-to-sandbox ")
    with _connect(4444) as debugger, debugger.makefile("r") as answers:
        debugger.sendall(b"p 40 + 2\np answer\ncontinue\n")
        told = answers.read()
    assert "(Pdb) 42\n(Pdb) 42\n" in told
    run.expect(1)
    assert "LookupError: not here" in run.stderr


def _connect(port: int) -> socket.socket:
    """A connection to this host, as soon as somebody listens."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=scaled(60))
        except ConnectionRefusedError:
            continue
