"""charioteer._core: sessions, networks, the reporter, configuration and small functions."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from charioteer import _core

from support.core_machines import PLAIN
from support.leftovers import expect_nothing_left
from support.patience import scaled


def machine(name: str, folder: Path, reporter: _core.Reporter) -> _core.Machine:
    state = str(folder / f"vm-state-{name}")
    return _core.Machine(name, PLAIN, state, str(folder), reporter)


class TestSession:
    def test_closing_ends_machines_and_networks(
        self, folder: Path, reporter: _core.Reporter
    ) -> None:
        session = _core.Session(reporter)
        vlan = _core.VLan(1, str(folder), reporter)
        session.adopt_vlan(vlan)
        for name in ("one", "two"):
            made = machine(name, folder, reporter)
            session.adopt_machine(made)
            made.connect()
        assert session.close() == []
        assert session.close() == []
        expect_nothing_left(folder)

    def test_a_session_that_is_not_closed_leaves_nothing(
        self, folder: Path, reporter: _core.Reporter
    ) -> None:
        made = machine("web", folder, reporter)
        made.start()
        del made
        expect_nothing_left(folder)

    def test_the_time_limit_is_logged_and_ends_the_process(self, folder: Path) -> None:
        removed = folder / "removed"
        removed.mkdir()
        (removed / "a").touch()
        script = """
            import sys, threading
            from charioteer import _core
            _core.remove_at_end(sys.argv[1])
            session = _core.Session(_core.Reporter())
            session.arm_timeout(0.01)
            threading.Event().wait()
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), str(removed)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=scaled(60),
        )
        assert done.returncode == -signal.SIGTERM
        assert done.stderr.startswith("timeout reached; test terminating...\n")
        assert not removed.exists()


class TestVlan:
    def test_has_both_kinds_of_sockets_until_it_stops(
        self, folder: Path, reporter: _core.Reporter
    ) -> None:
        vlan = _core.VLan(7, str(folder), reporter)
        assert vlan.nr == 7
        assert vlan.socket_dir == str(folder / "vde7.ctl")
        assert Path(vlan.socket_dir, "ctl").is_socket()
        assert Path(vlan.stream_socket).is_socket()
        assert all(count == 0 for count in vlan.counters().values())
        vlan.stop()
        vlan.stop()
        expect_nothing_left(folder)

    def test_a_vlan_in_use_is_rejected_with_name_and_pid(
        self, folder: Path, reporter: _core.Reporter
    ) -> None:
        vlan = _core.VLan(1, str(folder), reporter)
        with pytest.raises(_core.MachineError, match=rf"vde1\.ctl.*\b{os.getpid()}\b"):
            _core.VLan(1, str(folder), reporter)
        vlan.stop()


class TestReporter:
    def test_events_have_kind_machine_and_text(
        self, folder: Path, reporter: _core.Reporter
    ) -> None:
        made = machine("web", folder, reporter)
        made.connect()
        made.release()
        events = {(event.kind, event.machine, event.text) for event in reporter.drain()}
        assert {("log", "web", "starting vm"), ("serial", "web", "booting")} <= events
        assert reporter.drain() == []

    def test_serial_lines_can_be_silenced(self, folder: Path, reporter: _core.Reporter) -> None:
        reporter.serial = False
        made = machine("web", folder, reporter)
        made.connect()
        assert "booting" in made.console_log()
        made.release()
        assert "serial" not in {event.kind for event in reporter.drain()}

    def test_lines_go_to_standard_error_in_their_order(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        reporter = _core.Reporter()
        for number in range(1000):
            reporter.write(f"line {number}")
        reporter.flush()
        assert capfd.readouterr().err == "".join(f"line {number}\n" for number in range(1000))


class TestConfiguration:
    WHOLE: dict[str, object] = {
        "vms": {
            "web": {"name": "other", "start_script": "/run-web-vm"},
            "db": {"name": "db", "start_script": "/run-db-vm", "unknown": 1},
        },
        "containers": {},
        "vlans": [1, 2],
        "global_timeout": 3600,
        "enable_ssh_backdoor": False,
        "test_script": "/test.py",
        "unknown": {},
    }

    def load(self, folder: Path, text: str) -> _core.Configuration:
        path = folder / "driver.json"
        path.write_text(text)
        return _core.load_configuration(str(path))

    def test_machines_have_the_names_and_order_of_the_map(self, folder: Path) -> None:
        configuration = self.load(folder, json.dumps(self.WHOLE))
        assert list(configuration.vms.items()) == [("web", "/run-web-vm"), ("db", "/run-db-vm")]
        assert configuration.vlans == [1, 2]
        assert configuration.global_timeout == 3600
        assert configuration.enable_ssh_backdoor is False
        assert configuration.test_script == "/test.py"

    @pytest.mark.parametrize("key", ["vms", "vlans", "global_timeout", "test_script"])
    def test_a_missing_key_is_named_with_the_file(self, folder: Path, key: str) -> None:
        part = {name: value for name, value in self.WHOLE.items() if name != key}
        with pytest.raises(ValueError, match=rf"driver\.json.*{key}"):
            self.load(folder, json.dumps(part))

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("vms", []),
            ("vms", {"web": {"name": "web"}}),
            ("vlans", ["one"]),
            ("vlans", [-1]),
            ("global_timeout", "soon"),
            ("enable_ssh_backdoor", "yes"),
            ("test_script", 7),
        ],
    )
    def test_a_wrong_type_is_named_with_file_and_key(
        self, folder: Path, key: str, value: object
    ) -> None:
        with pytest.raises(ValueError, match=rf"driver\.json.*{key}.*expected"):
            self.load(folder, json.dumps({**self.WHOLE, key: value}))

    @pytest.mark.parametrize("text", ["", "{", "[]", "not json", '{"vms": {}} x'])
    def test_a_file_that_is_no_json_object_is_rejected(self, folder: Path, text: str) -> None:
        with pytest.raises(ValueError, match=r"driver\.json"):
            self.load(folder, text)

    def test_a_missing_file_is_named(self, folder: Path) -> None:
        with pytest.raises(OSError, match="missing.json"):
            _core.load_configuration(str(folder / "missing.json"))


class TestNames:
    @pytest.mark.parametrize(
        ("command", "name"),
        [
            ("/nix/store/x-run-web-vm", "web"),
            ("/bin/run-my-server-vm", "my-server"),
            ("env A=1 /bin/run-web-vm", "web"),
            ("/bin/run-web-vm -m 512", "machine"),
            ("qemu-system-x86_64", "machine"),
        ],
    )
    def test_a_machine_is_named_by_its_start_command(self, command: str, name: str) -> None:
        assert _core.machine_name(command) == name

    @pytest.mark.parametrize(
        ("character", "key"),
        [("a", "a"), ("A", "shift-a"), ("_", "shift-0x0C"), (" ", "spc"), ("\n", "ret"),
         ("!", "shift-0x02"), (")", "shift-0x0B"), ("ctrl-alt-f2", "ctrl-alt-f2")],
    )  # fmt: skip
    def test_keys(self, character: str, key: str) -> None:
        assert _core.key_name(character) == key
