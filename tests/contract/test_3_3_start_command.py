"""Sections 3.3 and 3.4: scripts read, edit, replace and subclass the start command."""

import os
import shlex
from pathlib import Path

import pytest
from charioteer.testing.machine.start_command import as_start_command
from test_driver.logger import CompositeLogger
from test_driver.machine import (
    Machine,
    NixStartScript,
    QemuMachine,
    QemuStartCommand,
    StartCommand,
)

from support.testbed import Testbed

SEEN = """
def seen(machine, name):
    with open(f"/proc/{machine.pid}/environ", "rb") as file:
        return name.encode() in file.read()
"""


def test_3_4_a_start_command_is_text_that_follows_its_edits() -> None:
    command = QemuStartCommand("/bin/run-web-vm")
    assert command == "/bin/run-web-vm" and command.machine_name == "web"
    assert os.path.basename(command) == "run-web-vm"
    command._cmd = command._cmd.replace("web", "db")
    assert str(command) == f"{command}" == command.current() == "/bin/run-db-vm"
    assert command.machine_name == "db"
    renewed = command.current()
    command._cmd = "later"
    assert renewed._cmd == "later", "an earlier reference is still valid"


def test_3_4_class_names_of_all_releases_are_one_class() -> None:
    command = QemuStartCommand("run-a-vm")
    assert isinstance(command, StartCommand) and isinstance(command, NixStartScript)
    assert NixStartScript("run-a-vm").machine_name == "a"
    assert NixStartScript("anything").machine_name == "machine"


def test_3_4_the_command_line_has_the_flags_in_upstream_s_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    sockets = (Path("/s/monitor"), Path("/s/qmp"), Path("/s/shell"))
    line = QemuStartCommand("FOO=1 run").cmd(*sockets)
    assert shlex.split(line) == shlex.split(
        "FOO=1 run -qmp unix:/s/qmp,server=on,wait=off -monitor unix:/s/monitor "
        "-chardev socket,id=shell,path=/s/shell -device virtio-serial "
        "-device virtconsole,chardev=shell -device virtio-rng-pci -serial stdio -no-reboot "
        "-nographic"
    )
    assert "-no-reboot" not in QemuStartCommand("run").cmd(*sockets, allow_reboot=True)
    environment = StartCommand.build_environment(Path("/state"), Path("/shared"))
    expected = {"TMPDIR": "/state", "SHARED_DIR": "/shared", "USE_TMPDIR": "1"}
    assert expected.items() <= environment.items()


def test_3_4_start_commands_that_may_be_assigned(folder: Path) -> None:
    class Wrapped:
        _cmd = "/bin/run-x-vm"

    machine = QemuMachine(folder, folder, "/bin/run-web-vm", CompositeLogger())
    try:
        own = NixStartScript("/bin/run-other-vm")
        machine.start_command = own
        assert machine.start_command is own and machine.name == "web"
        for given in (Path("/bin/run-x-vm"), "/bin/run-x-vm", Wrapped()):
            assert as_start_command(given) == "/bin/run-x-vm"
        for wrong in (None, b"run", {"hda": "disk"}, 5):
            with pytest.raises(
                TypeError, match="a start command is text, a path or a StartCommand"
            ):
                as_start_command(wrong)
    finally:
        machine.handle.release()


def test_3_2_the_older_class_keeps_the_object_that_it_was_given(folder: Path) -> None:
    command = NixStartScript("/bin/run-old-vm")
    machine = Machine(folder, folder, command, CompositeLogger(), "old")
    try:
        assert machine.start_command is command
    finally:
        machine.handle.release()


def test_3_4_an_edited_command_takes_effect_at_the_next_start(testbed: Testbed) -> None:
    script = (
        SEEN
        + """
machine.start_command._cmd = "MARK=first; export MARK; " + machine.start_command._cmd
machine.start()
assert seen(machine, "MARK=first")
machine.succeed("true")
machine.start_command._cmd = machine.start_command._cmd.replace("first", "second")
assert seen(machine, "MARK=first")
machine.crash()
machine.start()
assert seen(machine, "MARK=second") and not seen(machine, "MARK=first")
assert getattr(machine.start_command, "_cmd", machine.start_command) == f"{machine.start_command}"
"""
    )
    start = testbed.start_script("machine")
    testbed.run_driver(testbed.configuration(script, [start])).expect(0)


def test_3_4_an_assigned_command_takes_effect(testbed: Testbed) -> None:
    script = (
        SEEN
        + """
machine.start_command = "env OTHER=yes " + machine.start_command
machine.start()
assert seen(machine, "OTHER=yes")
assert machine.succeed("echo works") == "works\\n"
"""
    )
    start = testbed.start_script("machine")
    testbed.run_driver(testbed.configuration(script, [start])).expect(0)


def test_3_4_a_subclass_may_change_command_and_environment(testbed: Testbed) -> None:
    script = (
        SEEN
        + """
from test_driver.machine import QemuStartCommand

class Changed(QemuStartCommand):
    def cmd(self, *sockets, **options):
        return super().cmd(*sockets, **options) + " -name mine"

    @staticmethod
    def build_environment(state_dir, shared_dir):
        made = QemuStartCommand.build_environment(state_dir, shared_dir)
        return {**made, "MINE": "there", "NIX_EFI_VARS": "/my/own.fd"}

machine.start_command = Changed(machine.start_command)
machine.start()
with open(f"/proc/{machine.pid}/cmdline", "rb") as file:
    words = file.read().split(b"\\0")
assert b"mine" in words and b"-serial" in words, words
assert seen(machine, "MINE=there") and seen(machine, "NIX_EFI_VARS=/my/own.fd")
assert seen(machine, f"TMPDIR={machine.state_dir}")
assert machine.succeed("echo works") == "works\\n"
"""
    )
    start = testbed.start_script("machine")
    testbed.run_driver(testbed.configuration(script, [start])).expect(0)


def test_3_4_an_overridden_run_is_rejected(testbed: Testbed) -> None:
    script = """
from test_driver.machine import StartCommand

class Odd(StartCommand):
    def run(self, *arguments):
        raise AssertionError

machine.start_command = Odd(str(machine.start_command))
machine.start()
"""
    run = testbed.run_driver(testbed.configuration(script, [testbed.start_script("machine")]))
    run.expect(1)
    assert "Odd.run() would not be called" in run.stderr
    assert "override cmd() or build_environment()" in run.stderr
