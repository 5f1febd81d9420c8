"""Interactive use: shells, consoles and breakpoints during a script."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.host_shell_server import HostShellServer
from support.patience import scaled
from support.terminal import Terminal
from support.testbed import Testbed


@pytest.fixture
def prompt(testbed: Testbed) -> Iterator[Terminal]:
    """The prompt of a run with a machine `web` whose login shells run on this host."""
    terminal = testbed.interactive(testbed.configuration(""))
    terminal.wait_for_last_line(">>>")
    terminal.type("web.succeed('echo up').upper()")
    terminal.wait_for("UP")
    server = HostShellServer(testbed.state / "vm-state-web")
    yield terminal
    server.end()


def test_a_login_shell_on_the_terminal(prompt: Terminal) -> None:
    prompt.type("web.shell_interact()")
    prompt.wait_for("web: Terminal is ready (Ctrl-] leaves it):")
    prompt.type("stty size")
    prompt.wait_for("{} {}".format(*prompt.size))
    # The command itself writes "begun": before it runs, only the shell would receive Ctrl-C.
    prompt.type("sh -c 'echo begun; exec sleep 1000'")
    prompt.wait_for("\nbegun")
    prompt.press("C-c")
    prompt.type("echo status $?")
    prompt.wait_for("status 130")
    prompt.type("exit")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.succeed('echo the test goes on').upper()")
    prompt.wait_for("THE TEST GOES ON")


def test_a_login_shell_left_by_ctrl_right_bracket(prompt: Terminal) -> None:
    prompt.type("web.shell_interact()")
    prompt.wait_for("Terminal is ready")
    prompt.type("PS1='guest> '")
    prompt.wait_for_last_line("guest>")
    prompt.press("C-]")
    prompt.wait_for_last_line(">>>")
    prompt.type("web.is_up(), 'still here'")
    prompt.wait_for("(True, 'still here')")


def test_the_log_waits_while_a_shell_has_the_terminal(prompt: Terminal, testbed: Testbed) -> None:
    begin, done = testbed.folder / "begin", testbed.folder / "done"
    prompt.type(
        f"import threading; wait = 'until [ -e {begin} ]; do sleep 0.1; done; touch {done}; echo'; "
        "threading.Thread(target=lambda: web.log('mean' + web.succeed(wait) + 'while')).start()"
    )
    prompt.type("web.shell_interact()")
    prompt.wait_for("Terminal is ready")
    prompt.type(f"touch {begin}; until [ -e {done} ]; do sleep 0.1; done; echo seen $((6 * 7))")
    prompt.wait_for("seen 42")
    assert "mean\nwhile" not in prompt.screen
    prompt.type("exit")
    prompt.wait_for("mean\nwhile")


def test_a_shell_on_the_terminal(testbed: Testbed) -> None:
    testbed.keyboard = True
    script = """
        web.succeed("true")
        web.shell_interact()
        print(web.succeed("echo the test goes on"), end="")
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.wait_for("Terminal is ready (there is no initial prompt):")
    run.enter("cd /; echo in $PWD")
    run.wait_for("in /")
    run.enter("exec bash --norc")
    run.enter("echo in another $((1 + 1))")
    run.wait_for("in another 2")
    run.press_ctrl_d()
    run.expect(0)
    assert "the test goes on" in run.stdout


def test_a_shell_left_by_ctrl_c(testbed: Testbed) -> None:
    testbed.keyboard = True
    script = "web.shell_interact(); print(web.succeed('echo the test goes on'))"
    run = testbed.run_driver(testbed.configuration(script))
    run.wait_for("Terminal is ready")
    run.enter("echo half a li")
    run.wait_for("half a li")
    run.press_ctrl_c()
    run.expect(0)
    assert "the test goes on" in run.stdout


def test_the_console_on_the_terminal(testbed: Testbed) -> None:
    testbed.keyboard = True
    script = """
        web.start()
        web.console_interact()
        web.wait_for_console_text("you typed: login root")
    """
    run = testbed.run_driver(testbed.configuration(script))
    run.wait_for("Terminal is ready (there is no prompt):")
    run.enter("login root")
    run.wait_for("you typed: login root")
    run.press_ctrl_d()
    run.expect(0)
    assert "Closing connection to the console" in run.stderr


def test_a_failing_script_waits_for_a_debugger(testbed: Testbed) -> None:
    with _free_port() as port:
        script = f"""
            import functools
            debug.breakpoint = functools.partial(debug.breakpoint, port={port})
            answer = 6 * 7
            raise LookupError("not here")
        """
        configuration = testbed.configuration(script)
        run = testbed.run_driver(configuration, "--debug-hook-attach", "attach-to-sandbox")
        run.wait_for("!!! Breakpoint reached, run 'sudo attach-to-sandbox ")
        with _connect(port) as debugger, debugger.makefile("r") as replies:
            debugger.sendall(b"p 40 + 2\np answer\ncontinue\n")
            output = replies.read()
    assert "(Pdb) 42\n(Pdb) 42\n" in output
    run.expect(1)
    assert "LookupError: not here" in run.stderr


@contextmanager
def _free_port() -> Iterator[int]:
    """A port on which no process listens; within the block the kernel gives it to no other socket.

    Servers that set SO_REUSEADDR, as Python's do, can listen on it.
    """
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]


def _connect(port: int) -> socket.socket:
    """Connects to a port of this host as soon as a process listens."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=scaled(60))
        except ConnectionRefusedError:
            continue
