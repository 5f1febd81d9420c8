"""Hosts of a run: their file, what runs on them, and the end of a machine's console."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from charioteer.errors import InputError
from charioteer.hosts import connection, hosts_file, remote
from charioteer.hosts.hosts_file import Host
from charioteer.hosts.remote_base import HELLO
from charioteer.hosts.relay import Console, FarMachine, Start

from support.patience import scaled, until


def load(folder: Path, text: str) -> list[Host]:
    file = folder / "hosts.toml"
    file.write_text(text)
    return hosts_file.load(file)


class TestFile:
    def test_names_destinations_and_capacities(self, tmp_path: Path) -> None:
        hosts = load(
            tmp_path,
            '[hosts.here]\nlocal = true\n[hosts.b]\nssh = "-p 2222 root@b.example"\n'
            'memory = 4096\ncpus = 8\nfolder = "/var/tmp"\n',
        )
        here, b = hosts
        assert here == Host("here") and here.is_local
        assert b == Host("b", ("-p", "2222", "root@b.example"), 4096, 8, "/var/tmp")
        assert not b.is_local

    @pytest.mark.parametrize(
        "text, message",
        [
            ("", r"hosts: expected at least one table"),
            ("[hosts.b]\n", r"hosts\.b\.ssh: expected the destination"),
            ('[hosts.b]\nssh = "b"\nlocal = true\n', r"hosts\.b\.ssh: expected the destination"),
            ('[hosts.b]\nssh = "\'b"\n', r"hosts\.b\.ssh: No closing quotation"),
            ('[hosts.b]\nssh = "b"\nmemory = 0\n', r"hosts\.b\.memory: .* from 64"),
            ('[hosts.b]\nssh = "b"\nfolder = "tmp"\n', r"hosts\.b\.folder: expected an absolute"),
            ('[hosts.b]\nssh = "b"\nport = 22\n', r"hosts\.b\.port"),
            ("[hosts.a]\nlocal=true\n[hosts.b]\nlocal=true\n", "at most one with local = true"),
            ('[hosts."a b"]\nlocal=true\n', "a name of letters"),
        ],
    )
    def test_errors_name_the_key(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            load(tmp_path, text)


class TestConsole:
    def test_ends_at_its_last_line_in_any_pieces(self) -> None:
        stream = b"booting\0\0secre\n\0secret:7\n"
        for size in range(1, len(stream) + 1):
            console = Console("secret")
            shown = b"".join(
                console.feed(stream[at : at + size]) for at in range(0, len(stream), size)
            )
            assert (shown, console.status) == (b"booting\0\0secre\n", 7), size

    def test_holds_nothing_else_back(self) -> None:
        console = Console("secret")
        assert console.feed(b"login: ") == b"login: "
        assert console.feed(b"\0other") == b"\0other"
        assert console.feed(b"\0sec") == b"" and console.feed(b"ond") == b"\0second"
        assert console.status is None


class TestStart:
    def test_has_the_paths_of_the_other_host(self, tmp_path: Path) -> None:
        host = Host("b", ("-p", "22", "b.example"))
        machine = FarMachine("far", host, "/tmp/charioteer-x/far", "#!/bin/sh\n")
        state = str(tmp_path)
        words = ["-monitor", f"unix:{state}/monitor", "-drive", f"file={state}/disk", "-smp", "1"]
        environment = {"TMPDIR": state, "CHARIOTEER_VLAN_SOCKET_7": "/run/v7", "DISPLAY": ":0"}
        start = Start(machine, words, environment)
        assert start.command[0] == "ssh" and start.command[-2] == "b.example"
        header = json.loads(start.input[len(connection.program()) :])
        assert state not in json.dumps(header)
        assert header["words"][3] == "file=/tmp/charioteer-x/far/disk"
        assert header["words"][-1] == "-nographic" and "DISPLAY" not in header["environment"]
        vlan = header["environment"]["CHARIOTEER_VLAN_SOCKET_7"]
        assert f"-R{vlan}:/run/v7" in start.command
        assert Start(machine, words, environment).token != start.token

    def test_reasons_name_the_host(self) -> None:
        lost = connection.reason("b", 255, "debug\nTimeout, server b not responding.\n")
        assert lost == "the host b was lost: Timeout, server b not responding."
        text = connection.reason("b", 255, "No route to host\n", was_reached=False)
        assert text == "the host b cannot be reached: No route to host"
        for status in (255, -9):
            assert "has ended without a message" in connection.reason("b", status, "")
        text = connection.reason("b", 127, "sh: python3: not found", was_reached=False)
        assert "has no python3" in text

    def test_sshd_that_is_busy_is_tried_again(self) -> None:
        refused = "kex_exchange_identification: read: Connection reset by peer\n"
        assert connection.is_refused(255, refused)
        assert not connection.is_refused(255, "b: Permission denied (publickey).\n")
        assert not connection.is_refused(1, refused)

    def test_the_command_of_the_login_shell_is_one_line(self) -> None:
        # csh refuses newlines and exclamation marks within quotes.
        command = connection.command(Host("b", ("b",)))[-1]
        assert "\n" not in command and "!" not in command

    def test_of_errors_the_last_lines_are_kept(self) -> None:
        errors = connection.LastLines()
        for number in range(1000):
            errors.feed(b"line %d\nhalf of " % number)
        errors.feed(b"x" * 100000 + b"\nend")
        assert len(errors.text) < 10000 and errors.text.endswith("xx\nend")


class Remote:
    """The program for other hosts, as a process here. Its input stays open."""

    def __init__(self, header: dict[str, Any], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, remote.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self.input, self.output = self._process.stdin, self._process.stdout
        assert self.output.readline() == HELLO
        self.send(header)

    def send(self, request: dict[str, Any], more: bytes = b"") -> None:
        self.input.write(json.dumps(request).encode() + b"\n" + more)
        self.input.flush()

    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output.readline())
        return found

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def finish(self) -> bytes:
        """Its remaining output, after its end."""
        rest = self.output.read()
        self._process.wait(scaled(30))
        self.input.close()
        return rest


def runs(pid: int) -> bool:
    """Whether there is such a process, not only its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def machine_header(
    test_folder: Path, script: str, silence: float = 60, folder: Path | None = None
) -> dict[str, Any]:
    own = folder or test_folder / "far"
    own.mkdir(exist_ok=True)
    return {
        "mode": "machine",
        "silence": silence,
        "token": "token",
        "folder": str(own),
        "script": f"#!/bin/sh\n{script}\n",
        "files": str(own / "files"),
        "forwarded": [],
        "sockets": [str(own / "files")],
        "words": ["one", "two"],
        "environment": {"GIVEN": "value"},
    }


class TestRemoteMachine:
    def test_shows_its_output_and_its_status(self, tmp_path: Path) -> None:
        script = 'echo "$1 $2 $GIVEN"; read line; echo "got $line"; exit 3'
        machine = Remote(machine_header(tmp_path, script), tmp_path)
        machine.input.write((6).to_bytes(4, "big") + b"input\n")
        machine.input.flush()
        assert machine.finish() == b"one two value\ngot input\n\0token:3\n"
        assert not (tmp_path / "far/files").exists()

    def test_ends_with_all_that_it_has_started(self, tmp_path: Path) -> None:
        script = "setsid sleep 600 & setsid sleep 601 & echo $!; exec sleep 602"
        machine = Remote(machine_header(tmp_path, script), tmp_path)
        pid = int(machine.output.readline())
        machine.input.close()
        machine.finish()
        until(lambda: not runs(pid), 30, lambda: f"the process {pid} runs")

    def test_ends_when_the_other_side_is_silent(self, tmp_path: Path) -> None:
        machine = Remote(machine_header(tmp_path, "exec sleep 600", 0.5), tmp_path)
        assert machine.finish().endswith(b"\0token:143\n")

    def test_the_script_ends_with_a_killed_program(self, tmp_path: Path) -> None:
        machine = Remote(machine_header(tmp_path, "echo $$; exec sleep 600"), tmp_path)
        pid = int(machine.output.readline())
        machine.signal(signal.SIGKILL)
        until(lambda: not runs(pid), 30, lambda: f"the process {pid} runs")
        machine.finish()

    def test_needs_the_sockets_that_sshd_forwards(self, tmp_path: Path) -> None:
        header = machine_header(tmp_path, "true")
        machine = Remote({**header, "forwarded": [str(tmp_path / "none")]}, tmp_path)
        assert machine.finish() == b""

    def test_helpers_end_with_the_script(self, tmp_path: Path) -> None:
        script = "setsid sleep 600 > /dev/null 2>&1 & echo $!; exit 0"
        machine = Remote(machine_header(tmp_path, script), tmp_path)
        pid = int(machine.output.readline())
        assert machine.finish() == b"\0token:0\n"
        # Also if it was executing another program when the script ended.
        until(lambda: not runs(pid), 30, lambda: f"the process {pid} runs")


class TestRemoteFolder:
    HEADER = {"mode": "keep", "parent": "", "machines": ["web", "db"], "silence": 60}

    def test_exists_until_the_end_of_the_run(self, tmp_path: Path) -> None:
        keeper = Remote(self.HEADER, tmp_path)
        facts = keeper.answer()
        folder = Path(facts["folder"])
        assert folder.parent == tmp_path and sorted(os.listdir(folder)) == ["db", "kept", "web"]
        assert facts["memory"] > 0 and facts["processors"] >= 1
        keeper.send({"end": True})
        assert keeper.answer() == {"left": [], "folder": ""}
        keeper.finish()
        assert not folder.exists()

    @pytest.mark.parametrize("silence", [60, 0.5])
    def test_is_removed_when_the_driver_is_lost(self, tmp_path: Path, silence: float) -> None:
        keeper = Remote({**self.HEADER, "silence": silence}, tmp_path)
        folder = Path(keeper.answer()["folder"])
        if silence == 60:
            keeper.input.close()
        keeper.finish()
        assert not folder.exists()

    def test_files_are_sent_once(self, tmp_path: Path) -> None:
        digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        keeper = Remote(self.HEADER, tmp_path)
        cache = keeper.answer()["cache"]
        keeper.send({"need": [[digest, 3]]})
        assert keeper.answer() == {"missing": [digest]}
        keeper.send({"file": digest, "size": 3}, b"foo")
        assert keeper.answer() == {"stored": digest}
        assert (Path(cache) / digest).read_bytes() == b"foo"
        keeper.send({"need": [[digest, 3], ["0" * 64, 5]]})
        assert keeper.answer() == {"missing": ["0" * 64]}
        keeper.send({"file": "0" * 64, "size": 5}, b"other")
        assert keeper.answer() == {"error": "the contents of a file were changed on the way"}
        assert os.listdir(cache) == [digest]
        keeper.send({"end": True})
        assert keeper.answer() == {"left": [], "folder": ""}
        keeper.finish()

    def test_files_that_are_larger_than_the_free_space_are_refused(self, tmp_path: Path) -> None:
        keeper = Remote(self.HEADER, tmp_path)
        keeper.answer()
        keeper.send({"need": [["0" * 64, 1 << 60]]})
        assert keeper.answer() == {"error": "ENOSPC", "size": 1 << 60}
        keeper.input.close()
        keeper.finish()

    def test_a_folder_that_cannot_be_made_is_an_answer(self, tmp_path: Path) -> None:
        keeper = Remote({**self.HEADER, "parent": str(tmp_path / "none")}, tmp_path)
        assert keeper.answer() == {"error": "ENOENT"}
        keeper.finish()

    def test_a_second_signal_does_not_end_the_clean_up(self, tmp_path: Path) -> None:
        keeper = Remote(self.HEADER, tmp_path)
        folder = Path(keeper.answer()["folder"])
        # Looking through its processes takes a while, in which the next signals come.
        for name in range(5000):
            (folder / "web" / str(name)).touch()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
            keeper.signal(number)
        keeper.finish()
        assert not folder.exists()

    def test_the_last_machine_removes_the_folder_of_a_killed_keeper(self, tmp_path: Path) -> None:
        keeper = Remote(self.HEADER, tmp_path)
        folder = Path(keeper.answer()["folder"])
        machines = []
        for name in ("web", "db"):
            header = machine_header(tmp_path, "echo up; read line", folder=folder / name)
            machines.append(Remote(header, tmp_path))
            assert machines[-1].output.readline() == b"up\n"
        keeper.signal(signal.SIGKILL)
        keeper.finish()
        for machine, remains in zip(machines, (True, False), strict=True):
            machine.input.close()
            machine.finish()
            assert folder.exists() == remains
