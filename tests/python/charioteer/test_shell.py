"""`charioteer shell` with shells on this host, in a real terminal and with pipes."""

import fcntl
import itertools
import os
import pty
import resource
import signal
import socket
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from charioteer.errors import InputError, ShellUnavailable
from charioteer.testing import shell_servers
from charioteer.testing.shell_connection import ShellConnection
from support.host_shell_server import HostShellServer
from support.leftovers import processes_of
from support.patience import scaled, until
from support.run import PROGRAMS, environment
from support.terminal import Terminal
from support.testbed import Testbed


@pytest.fixture
def host(folder: Path, testbed: Testbed) -> Iterator[HostShellServer]:
    # A unique name, because `charioteer shell` lists the machines of all runs on this host.
    made = HostShellServer(folder / f"vm-state-web-{folder.name}")
    yield made
    made.end()


@pytest.fixture
def shell(host: HostShellServer, testbed: Testbed) -> Terminal:
    """A shell that has printed its prompt."""
    return enter(host, testbed)


def enter(host: HostShellServer, testbed: Testbed) -> Terminal:
    terminal = testbed.terminal("charioteer", "shell", host.name)
    terminal.wait_for("Ctrl-] leaves the shell")
    terminal.type("PS1='guest> '; clear")
    terminal.wait_for_last_line("guest>")
    return terminal


class TestTerminal:
    def test_it_follows_the_size_of_the_client_s_terminal(self, shell: Terminal) -> None:
        rows, columns = shell.size
        shell.type("stty size")
        shell.wait_for(f"{rows} {columns}")
        shell.type("until stty size | grep -w 90; do sleep 0.1; done")
        shell.resize(90, 30)
        until(lambda: shell.size[1] == 90, 30, lambda: f"it is {shell.size}")
        shell.wait_for("\n{} {}".format(*shell.size))

    def test_it_has_colours_and_the_client_s_term(self, shell: Terminal) -> None:
        shell.type(r"printf '\033[31mcoloured\033[0m %s\n' $TERM")
        shell.wait_for("coloured tmux-256color")
        assert "\x1b[31mcoloured" in shell.coloured

    def test_ctrl_c_ends_the_command_and_nothing_else(self, shell: Terminal) -> None:
        # The command itself writes "begun": before it runs, only the shell would receive Ctrl-C.
        shell.type("sh -c 'echo begun; exec sleep 1000'")
        shell.wait_for("\nbegun")
        shell.press("C-c")
        shell.wait_for("^C")
        shell.type("echo status $?")
        shell.wait_for("status 130")

    def test_jobs_are_stopped_and_go_on(self, shell: Terminal) -> None:
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
        shell.press("C-c")
        shell.wait_for_last_line("guest>")

    def test_exit_leaves_with_the_status_of_the_shell(self, shell: Terminal) -> None:
        shell.type("exit 3")
        shell.expect(3)

    def test_ctrl_right_bracket_disconnects_and_hangs_up_the_shell(
        self, shell: Terminal, folder: Path
    ) -> None:
        shell.type(f"tail -f /dev/null {folder}")
        until(lambda: "tail" in str(processes_of(folder)), 30, lambda: "not begun")
        shell.press("C-]")
        shell.expect(0)
        until(lambda: "tail" not in str(processes_of(folder)), 30, lambda: "tail still runs")

    def test_several_shells_may_be_open(
        self, host: HostShellServer, shell: Terminal, testbed: Testbed
    ) -> None:
        other = enter(host, testbed)
        shell.type("echo begun; cat")
        shell.wait_for("\nbegun")
        other.type("echo $((6 * 7))")
        other.wait_for("42")
        other.type("exit")
        other.expect(0)
        shell.type("still here")
        shell.wait_for("still here\nstill here")

    def test_a_full_screen_program_is_displayed(self, shell: Terminal) -> None:
        rows, columns = shell.size
        corner = rf"\033[{rows};{columns - 5}Hcorner"
        shell.type(rf"printf '\033[2J{corner}\033[1;1Hfirst'; read -s")
        # Check the position, because the typed command contains the text, too.
        drawn = ["first", "corner".rjust(columns)]
        until(
            lambda: [shell.visible[0], shell.visible[rows - 1]] == drawn,
            60,
            lambda: f"not drawn: {shell.screen}",
        )


class TestEnds:
    @pytest.fixture
    def ours(self) -> Iterator[tuple[int, int]]:
        """The descriptors of a pseudo terminal: the controlling side and the client's terminal."""
        master, slave = pty.openpty()
        yield master, slave
        os.close(master)
        os.close(slave)

    def begin(self, host: HostShellServer, ours: tuple[int, int]) -> subprocess.Popen[bytes]:
        program = subprocess.Popen(
            [PROGRAMS / "charioteer", "shell", host.name],
            env=environment(),
            stdin=ours[1],
            stdout=ours[1],
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        until(lambda: not termios.tcgetattr(ours[1])[3] & termios.ICANON, 30, lambda: "not raw")
        return program

    @pytest.mark.parametrize(
        "number, status",
        [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    )
    def test_a_signal_restores_the_terminal(
        self, host: HostShellServer, ours: tuple[int, int], number: int, status: int
    ) -> None:
        before = termios.tcgetattr(ours[1])
        with self.begin(host, ours) as program:
            program.send_signal(number)
            assert program.wait(scaled(30)) == status
        assert termios.tcgetattr(ours[1]) == before

    def test_the_end_of_the_driver_restores_the_terminal(
        self, host: HostShellServer, ours: tuple[int, int]
    ) -> None:
        before = termios.tcgetattr(ours[1])
        with self.begin(host, ours) as program:
            host.process.kill()
            assert program.wait(scaled(30)) == 1
            assert (
                program.stderr and b"the machine, or its driver, has ended" in program.stderr.read()
            )
        assert termios.tcgetattr(ours[1]) == before

    def test_the_shell_of_a_killed_client_is_hung_up(
        self, host: HostShellServer, ours: tuple[int, int], folder: Path
    ) -> None:
        with self.begin(host, ours) as program:
            os.write(ours[0], f"tail -f /dev/null {folder}\n".encode())
            until(lambda: "tail" in str(processes_of(folder)), 30, lambda: "not begun")
            program.kill()
        until(lambda: "tail" not in str(processes_of(folder)), 30, lambda: "tail still runs")


class TestPipes:
    def run(self, host: HostShellServer, script: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PROGRAMS / "charioteer", "shell", host.name],
            env=environment(),
            input=script,
            capture_output=True,
            timeout=scaled(60),
        )

    def test_a_script_on_standard_input(self, host: HostShellServer) -> None:
        done = self.run(host, b"echo out; echo err >&2; test -t 0 || exit 5")
        assert (done.returncode, done.stdout) == (5, b"out\n")
        assert done.stderr.endswith(b"err\n")

    def test_large_transfers_in_both_directions(self, host: HostShellServer) -> None:
        done = self.run(host, b"exec cat\n" + b"x" * 3_000_000)
        assert done.returncode == 0
        assert done.stdout == b"x" * 3_000_000


def test_input_that_the_ended_shell_does_not_read() -> None:
    connected, server = socket.socketpair()
    reading, writing = os.pipe()
    os.write(writing, b"exit 3\n")
    server.sendall(struct.pack("<BI", 16, 0))
    connection = ShellConnection(connected, reading, kind="")
    connection.open()
    looks = itertools.count()

    def end_before_the_input_is_sent() -> None:
        if next(looks) == 1:
            server.sendall(struct.pack("<BIi", 19, 4, 3))
            server.close()

    assert connection.relay(end_before_the_input_is_sent) == 3
    connection.close()
    os.close(reading)
    os.close(writing)


def test_descriptors_may_have_large_numbers(host: HostShellServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    reading, writing = os.pipe()
    large = fcntl.fcntl(reading, fcntl.F_DUPFD_CLOEXEC, 2000)
    try:
        os.write(writing, b"exit 3\n")
        os.close(writing)
        connection = ShellConnection(
            shell_servers.connect(host.state / shell_servers.SOCKET_NAME), large, kind=""
        )
        connection.open()
        assert connection.relay() == 3
        connection.close()
    finally:
        os.close(large)
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestFinding:
    def test_machines_that_run_are_listed(self, host: HostShellServer) -> None:
        (found,) = [each for each in shell_servers.all_servers() if each.machine == host.name]
        assert (found.pid, found.path) == (host.process.pid, host.state / shell_servers.SOCKET_NAME)
        assert (
            shell_servers.find(host.name)
            == shell_servers.find(f"{host.name}@{host.process.pid}")
            == found
        )

    def test_a_machine_that_has_ended_is_not_listed(self, host: HostShellServer) -> None:
        host.process.kill()
        host.process.wait()
        assert (host.state / shell_servers.SOCKET_NAME).exists()
        assert host.name not in [each.machine for each in shell_servers.all_servers()]
        with pytest.raises(InputError, match=f"no running machine is called {host.name}; "):
            shell_servers.find(host.name)

    def test_machines_with_one_name_are_distinguished_by_process_id(
        self, host: HostShellServer, folder: Path
    ) -> None:
        (folder / "other").mkdir()
        other = HostShellServer(folder / "other" / host.state.name)
        try:
            pids = sorted([host.process.pid, other.process.pid])
            listed = ", ".join(f"{host.name}@{pid}" for pid in pids)
            with pytest.raises(InputError, match=f"several machines are named .*: {listed}"):
                shell_servers.find(host.name)
            assert shell_servers.find(f"{host.name}@{other.process.pid}").path.parent == other.state
        finally:
            other.end()

    def test_a_server_that_never_accepts_does_not_block_the_list(
        self, host: HostShellServer, folder: Path
    ) -> None:
        full = folder / f"vm-state-full-{folder.name}" / shell_servers.SOCKET_NAME
        full.parent.mkdir()
        with ExitStack() as sockets:
            listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(full))
            listener.listen(0)
            caller = sockets.enter_context(socket.socket(socket.AF_UNIX))
            caller.connect(str(full))
            assert host.name in [each.machine for each in shell_servers.all_servers()]
            with pytest.raises(ShellUnavailable):
                shell_servers.connect(full)
        full.unlink()

    def test_other_sockets_in_a_state_directory_are_ignored(self, host: HostShellServer) -> None:
        beside = Path(f"{host.state / shell_servers.SOCKET_NAME}2")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(beside))
            other.listen()
            paths = [each.path for each in shell_servers.all_servers() if each.machine == host.name]
            assert paths == [host.state / shell_servers.SOCKET_NAME]
        beside.unlink()

    def test_no_such_machine_is_status_2(self, testbed: Testbed) -> None:
        run = testbed.run("charioteer", "shell", "nowhere")
        run.expect(2)
        assert run.stderr.startswith("charioteer: error: no running machine is called nowhere; ")
        assert len(run.stderr.splitlines()) == 1

    def test_without_a_name_the_machines_are_listed(
        self, host: HostShellServer, testbed: Testbed
    ) -> None:
        testbed.run("charioteer", "shell").expect(2)
        run = testbed.run("charioteer", "shell", "--list")
        run.expect(0)
        assert f"{host.name}@{host.process.pid}\t{host.state}\n" in run.stdout
