"""Login shells of a guest on real terminals: `shell_interact()` and `charioteer shell`."""

from collections.abc import Iterator

import pytest
from charioteer.cluster import configuration, definition
from charioteer.testing import shell_servers

from support.leftovers import expect_nothing_left
from support.patience import deadline, until
from support.shared_machines import BUILD_LIMIT, short_folder
from support.terminal import Terminal
from support.testbed import Testbed

SIZE = (120, 50)

pytestmark = pytest.mark.limit(240)


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """The test bed of one run with a minimal guest `web`, which all tests share."""
    with short_folder() as folder:
        made = Testbed(folder)
        yield made
        made.close()
        expect_nothing_left(folder)


@pytest.fixture(scope="module")
def terminal(testbed: Testbed) -> Terminal:
    """The terminal of the run."""
    (testbed.folder / "cluster.toml").write_text('[machines.web]\nguest = "minimal"\n')
    (testbed.folder / "test.py").touch()
    with deadline(BUILD_LIMIT):
        written = configuration.write(definition.load(testbed.folder), testbed.folder)
    return testbed.interactive(written)


@pytest.fixture
def prompt(terminal: Terminal) -> Iterator[Terminal]:
    """The prompt of the run, with the guest running."""
    terminal.wait_for_last_line(">>>")
    terminal.clear(">>>")
    # The first test and those after the end of the machine start it.
    terminal.type("web.succeed('echo up').upper()")
    terminal.wait_for("'UP", limit=120)
    terminal.wait_for_last_line(">>>")
    yield terminal
    terminal.resize(*SIZE)


@pytest.fixture
def shell(prompt: Terminal) -> Iterator[Terminal]:
    """The same terminal in the guest's shell, entered by shell_interact(), and left unless the test does."""
    prompt.type("web.shell_interact()")
    yield settled(prompt)
    # At the prompt Ctrl-] would be a command of ptpython, which takes the next key.
    until(
        lambda: prompt.ends_with("guest>") or prompt.ends_with(">>>"),
        60,
        lambda: f"neither the shell nor the prompt waits for input:\n{prompt.screen}",
    )
    if prompt.ends_with("guest>"):
        prompt.press("C-]")


def settled(terminal: Terminal) -> Terminal:
    terminal.wait_for("Ctrl-] leaves")
    terminal.type("PS1='guest> '; clear")
    terminal.wait_for_last_line("guest>")
    return terminal


def open_shell(testbed: Testbed) -> Terminal:
    """Starts `charioteer shell` for the machine of this run."""
    (server,) = servers_of(testbed)
    return settled(testbed.terminal("charioteer", "shell", str(server)))


def servers_of(testbed: Testbed) -> list[shell_servers.ShellServer]:
    """The shell servers of machines of this run."""
    servers = shell_servers.all_servers()
    return [server for server in servers if testbed.folder in server.path.parents]


def back_at_the_prompt(terminal: Terminal) -> None:
    """Checks that the terminal is back at the prompt and that commands work."""
    terminal.wait_for_last_line(">>>")
    terminal.type("web.succeed('echo goes on').upper()")
    terminal.wait_for("GOES ON")


def test_it_is_a_login_of_root_at_home(shell: Terminal) -> None:
    shell.type("echo $USER:$LOGNAME:$HOME:$PWD:${DISPLAY-none}; ls -l /proc/self/fd/0")
    shell.wait_for("root:root:/root:/root:none")
    shell.wait_for("/dev/pts/")
    shell.type("exit")
    back_at_the_prompt(shell)


def test_top_fills_the_terminal_and_follows_its_size(shell: Terminal) -> None:
    shell.type("top -d 1")
    shell.wait_for("Load average:")
    until(lambda: "COMMAND" in "".join(shell.visible[:6]), 30, lambda: shell.screen)
    assert shell.visible[0].startswith("Mem: ")
    shell.press("q")
    shell.wait_for_last_line("guest>")
    shell.type("until stty size | grep -w 90; do sleep 0.1; done")
    shell.resize(90, 30)
    until(lambda: shell.size[1] == 90, 30, lambda: f"it is {shell.size}")
    shell.wait_for("\n{} {}".format(*shell.size))


def test_an_editor_draws_and_writes(shell: Terminal) -> None:
    shell.type("vi /tmp/text")
    shell.wait_for("\n~\n~")
    shell.press("i")
    shell.type("first")
    shell.type("second")
    shell.press("Escape")
    shell.wait_for("- /tmp/text [Modified]")
    shell.type(":wq")
    shell.wait_for_last_line("guest>")
    shell.type("clear; cat /tmp/text")
    shell.wait_for("first\nsecond")


def test_colours_arrive(shell: Terminal) -> None:
    shell.type(r"printf '\033[31mcoloured\033[0m\n'; echo $((6 * 7))")
    shell.wait_for("\n42")
    assert "\x1b[31mcoloured" in shell.coloured


def test_ctrl_c_ends_the_command_and_not_the_run(shell: Terminal) -> None:
    # The command itself writes "begun": before it runs, only the shell would receive Ctrl-C.
    shell.type("sh -c 'echo begun; exec sleep 1000'")
    shell.wait_for("\nbegun")
    shell.press("C-c")
    shell.type("echo status $?")
    shell.wait_for("status 130")
    shell.type("exit")
    back_at_the_prompt(shell)


def test_jobs_are_stopped_and_go_on(shell: Terminal) -> None:
    shell.type("echo begun; cat")
    shell.wait_for("\nbegun")
    shell.type("begins")
    shell.wait_for("begins\nbegins")
    shell.press("C-z")
    shell.wait_for("Stopped")
    shell.type("fg")
    # bash prints the name of the job before it restores the job's terminal modes.
    shell.wait_for_last_line("\ncat")
    shell.type("goes on")
    shell.wait_for("goes on\ngoes on")
    shell.press("C-d")
    shell.wait_for_last_line("guest>")


def test_ctrl_right_bracket_leaves_and_hangs_up(shell: Terminal) -> None:
    shell.type("sh -c 'echo $$ >/tmp/pid; echo begun; exec sleep 1000'")
    shell.wait_for("\nbegun")
    shell.press("C-]")
    shell.wait_for_last_line(">>>")
    shell.type("web.wait_until_fails('kill -0 $(cat /tmp/pid)').upper(), 'hung up'")
    shell.wait_for("'hung up')")
    back_at_the_prompt(shell)


def test_clients_may_connect_during_a_command(prompt: Terminal, testbed: Testbed) -> None:
    # A run before may have left it in the guest.
    prompt.type(
        "web.succeed('rm -f /tmp/go; until [ -e /tmp/go ]; do sleep 0.1; done; echo went').upper()"
    )
    first, second = open_shell(testbed), open_shell(testbed)
    first.type("echo begun; cat")
    first.wait_for("\nbegun")
    second.type("echo of the second > /tmp/text; exit 3")
    second.expect(3)
    first.type("still here")
    first.wait_for("still here\nstill here")
    first.press("C-c")
    first.type("cat /tmp/text; touch /tmp/go")
    first.wait_for("of the second")
    prompt.wait_for("WENT")
    first.press("C-]")
    first.expect(0)
    back_at_the_prompt(prompt)


def test_the_end_of_a_machine_is_that_of_its_shell_server(
    prompt: Terminal, testbed: Testbed
) -> None:
    client = open_shell(testbed)
    prompt.type("web.crash(); 'of' + 'f'")
    client.expect(1)
    assert "charioteer: error: web@" in client.screen
    prompt.wait_for("'off'")
    assert not servers_of(testbed)
