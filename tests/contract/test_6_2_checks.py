"""Sections 6.2 and 2.3: test scripts pass the type checkers and linters that nixpkgs runs."""

import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import charioteer._core
import pytest
from test_driver.machine import BaseMachine, NspawnMachine, QemuMachine

from support.testbed import Testbed

LINTERS = Path(__file__).resolve().parents[2] / "scripts/linters"
# Put before a script for the type checker: the imports and names of upstream's header.
HEADER = """
from collections.abc import Callable
from typing import Any, ContextManager, Optional
from unittest import TestCase

from typing_extensions import Protocol

from test_driver.debug import DebugAbstract, DebugNop
from test_driver.driver import Driver
from test_driver.logger import AbstractLogger, CompositeLogger
from test_driver.machine import BaseMachine, NspawnMachine, QemuMachine
from test_driver.machines import Machines  # ours
from test_driver.vlan import VLan


class CreateMachine(Protocol):
    def __call__(
        self, start_command: str, *, name: Optional[str] = None, keep_machine_state: bool = False
    ) -> QemuMachine:
        ...


class Retry(Protocol):
    def __call__(self, fn: Callable[[bool], Any], timeout_seconds: int = 900) -> None:
        ...


start_all: Callable[[], None]
subtest: Callable[[str], ContextManager[None]]
retry: Retry
test_script: Callable[[], None]
machines: list[BaseMachine]
machines_qemu: list[QemuMachine]
machines_nspawn: list[NspawnMachine]
vlans: list[VLan]
driver: Driver
log: CompositeLogger
create_machine: CreateMachine
run_tests: Callable[[], None]
join_all: Callable[[], None]
serial_stdout_off: Callable[[], None]
serial_stdout_on: Callable[[], None]
polling_condition: Any
debug: DebugAbstract
dump_machine_ssh: Callable[[], None]
all_machines: Machines  # ours
t: TestCase
import os
web: QemuMachine;
machine: QemuMachine;
box: NspawnMachine;
vlan1: VLan
"""

SCRIPT = r"""
from datetime import timedelta

from test_driver.machine import QemuStartCommand

start_all()
for each in machines:
    each.wait_for_unit("multi-user.target", timeout=60)
    each.log(each.name)
status, output = web.execute("true", check_return=True, check_output=True, timeout=5)
assert status == 0 and output == "", f"{web.name}: {output!r}"
text: str = web.succeed("echo a", "echo b", timeout=5) + web.fail("false")
text = web.wait_until_succeeds("true", timeout=5) + web.wait_until_fails("false")
web.sleep(1)
web.systemctl("status", "alice")
info: dict[str, str] = web.get_unit_info("x", user="alice")
web.get_unit_property("x", "ActiveState")
web.require_unit_state("x", require_state="inactive")
web.start_job("x")
web.stop_job("x", "alice")
web.wait_for_file("/etc/hosts", timeout=timedelta(seconds=5))
web.wait_for_open_port(80, addr="localhost", timeout=5)
web.wait_for_closed_port(80)
web.wait_for_open_unix_socket("/run/socket", is_datagram=True)
web.copy_from_host("a", "b")
web.copy_from_host_via_shell("a", "b")
web.copy_from_machine("a", target_dir="b")
names: list[str] = web.get_window_names()
web.wait_for_window("x", timeout=5)
web.send_chars("abc", delay=0.1)
web.send_key("ctrl-alt-delete", delay=None, log=False)
web.screenshot("shot")
text = web.get_screen_text() + web.get_screen_text_variants()[0] + web.get_tty_text("1")
web.wait_for_text("x", timeout=5)
web.wait_until_tty_matches("1", "x", timeout=5)
web.dump_tty_contents("1")
web.wait_for_console_text("x", timeout=5)
web.send_console("x")
text = web.get_console_log() + web.send_monitor_command("info status")
web.wait_for_x(timeout=5)
web.forward_port(host_port=8080, guest_port=80)
web.block()
web.unblock()
web.start(allow_reboot=True)
web.connect()
web.reboot()
web.crash()
web.shutdown()
web.wait_for_shutdown()
web.switch_root()
web.release()
assert web.qmp_client is not None and web.is_up()
reply = web.qmp_client.send("query-status", {})
event = web.wait_for_qmp_event(lambda event: event["event"] == "STOP", timeout=5)
if web.process is not None:
    web.process.wait(timeout=5)
    web.process.kill()
    print(web.process.args, web.process.returncode)
    web.process.stdin.write(b"x")
if web.shell is not None:
    web.shell.send(b"true\n")
web.booted = web.connected = False
web.pid = None
web.start_command._cmd = web.start_command._cmd.replace("a", "b")
web.start_command = QemuStartCommand(web.start_command)
machine_name: str = web.start_command.machine_name
web.wait_for_unit_active_state("x", "failed", timeout=timedelta(seconds=5))
web.wait_until_succeeds("true", timeout=5, attempt_timeout=1)
for event in web.qmp_client.events():
    print(event["event"])
lines = len(web.full_console_log)
command: str = web.ssh_backdoor_command()
box.start()
box.succeed("true")
result = web.run("cat", stdin=b"x", timeout=5, stream=True).check()
text = result.stdout + result.stderr + str(result.rc + result.status + len(result.stdout_bytes))
with web.spawn("cat", stdin=True, timeout=timedelta(seconds=5)) as process:
    process.write("x")
    process.close_stdin()
    for line in process:
        text += line
    text += process.wait(timeout=5).stdout
text = web.succeed("true", stream=True)
outputs: dict[str, str] = all_machines.without(box).succeed("true", timeout=5)
lengths: dict[str, int] = all_machines.only(web, box).each(lambda each: len(each.name))
all_machines.wait_for_unit("x", timeout=5)
with subtest("a part"), web.nested("a step"):
    t.assertEqual(1, 1)


@polling_condition(seconds_interval=1, description="x")
def holds():
    return web.is_up()


with holds:
    retry(lambda last: True, timeout_seconds=5)
other = create_machine("run-x-vm", name="x", keep_machine_state=True)
other.succeed("true")
log.info("x")
log.warning("x")
debug.breakpoint()
print(vlan1.nr, vlan1.socket_dir, len(vlans), driver.out_dir, os.environ["HOME"])
serial_stdout_off()
serial_stdout_on()
dump_machine_ssh()
join_all()
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mypy's cache of the packages, which scripts do not change."""
    return tmp_path_factory.mktemp("mypy")


def checked(folder: Path, cache: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Runs mypy like nixpkgs, where only the installed packages can be imported."""
    file = folder / "testScriptWithTypes"
    file.write_text(HEADER + script)
    packages = Path(charioteer._core.__file__ or "").parents[1]
    return subprocess.run(
        ["/usr/bin/mypy", "--no-implicit-optional", "--pretty", "--no-color-output", str(file)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "MYPYPATH": str(packages),
            "MYPY_CACHE_DIR": str(cache),
            "HOME": str(folder),
        },
        capture_output=True,
        text=True,
    )


def test_6_2_a_script_that_uses_everything_passes_mypy(folder: Path, cache: Path) -> None:
    done = checked(folder, cache, SCRIPT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("all_machines.succed('x')", 'has no attribute "succed"'),
        ("x: str = all_machines.succeed('x')", "Incompatible types"),
        ("web.succed('x')", 'has no attribute "succed"'),
        ("web.wait_for_open_port('80')", 'expected "int"'),
        ("status: int = web.succeed('x')", "Incompatible types"),
        ("web.screenshot()", "Missing positional argument"),
        ("vlan1.send()", '"VLan" has no attribute "send"'),
    ],
)
def test_6_2_mypy_finds_a_wrong_call(folder: Path, cache: Path, line: str, message: str) -> None:
    done = checked(folder, cache, line + "\n")
    assert done.returncode == 1 and message in done.stdout, done.stdout


@pytest.fixture(scope="session")
def linters() -> Path:
    """The folder with ruff and ty, with which nixpkgs checks scripts since 2026."""
    done = subprocess.run([LINTERS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def ty_finds(ty: Path, folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    # ty requires that declared names are also assigned.
    bound = re.sub(r"(?m)^([a-z_0-9]+): ([^#\n;]+?);?( *#.*)?$", r"\1: \2 = _declared()", HEADER)
    file = folder / "testScriptWithTypes.py"
    declared = "from typing import Any\ndef _declared() -> Any: ...\n"
    file.write_text(declared + bound + script)
    packages = Path(charioteer._core.__file__ or "").parents[1]
    return subprocess.run(
        [ty, "check", "--extra-search-path", str(packages), str(file)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.limit(300)
def test_6_2_ty_accepts_it_and_finds_a_wrong_call(folder: Path, linters: Path) -> None:
    ty = linters / "ty"
    assert (done := ty_finds(ty, folder, SCRIPT)).returncode == 0, done.stdout
    for line in ("web.succed('x')", "status: int = web.succeed('x')", "web.screenshot()"):
        assert (done := ty_finds(ty, folder, line + "\n")).returncode == 1, done.stdout


@pytest.mark.limit(300)
def test_6_2_ruff_knows_the_names(testbed: Testbed, linters: Path) -> None:
    testbed.run("generate-driver-symbols").expect(0)
    names = (testbed.folder / "driver-symbols").read_text().split(",")
    builtins = json.dumps([*names, "web", "box", "vlan1"])
    script = testbed.folder / "script.py"
    for text, status in ((SCRIPT, 0), ("wbe.start()\n", 1)):
        script.write_text(text)
        done = subprocess.run(
            [linters / "ruff", "check", "--isolated", "--config", f"builtins={builtins}", script],
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stdout


@pytest.mark.parametrize(
    ("line", "passes"), [("web.succeed('x'); t.assertEqual(1, 1)", True), ("wbe.start()", False)]
)
def test_6_2_pyflakes_knows_the_names(testbed: Testbed, line: str, passes: bool) -> None:
    testbed.run("generate-driver-symbols").expect(0)
    names = (testbed.folder / "driver-symbols").read_text()
    script = testbed.folder / "script.py"
    script.write_text(line + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "pyflakes", script],
        env={**os.environ, "PYFLAKES_BUILTINS": f"web,{names}"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == passes, done.stdout


MODULES = {
    "driver": ["Driver", "load_driver_configuration"],
    "errors": ["RequestedAssertionFailed", "MachineError"],
    "machine": ["BaseMachine", "QemuMachine", "NspawnMachine", "retry"],
    "logger": ["AbstractLogger", "CompositeLogger", "TerminalLogger", "XMLLogger"],
    "vlan": ["VLan"],
    "debug": ["DebugAbstract", "DebugNop", "Debug"],
    "polling_condition": ["PollingCondition"],
    "efi": ["EfiVariable", "EfiGuid", "EfiVars"],
    "duration": ["Duration"],
    "config": ["DriverConfiguration", "load_driver_configuration"],
}


@pytest.mark.parametrize("module", MODULES)
def test_2_3_modules_have_their_names(module: str) -> None:
    loaded = importlib.import_module(f"test_driver.{module}")
    for name in MODULES[module]:
        assert hasattr(loaded, name), f"test_driver.{module}.{name}"


def test_2_3_the_package_is_marked_as_typed() -> None:
    import test_driver

    assert (Path(test_driver.__file__ or "").parent / "py.typed").exists()


def test_2_3_classes_can_be_subclassed() -> None:
    class Router(QemuMachine):
        pass

    assert issubclass(Router, BaseMachine) and issubclass(NspawnMachine, BaseMachine)


def test_2_3_a_driver_within_a_script(testbed: Testbed) -> None:
    inner = testbed.folder / "inner.json"
    script = f"""
        from pathlib import Path
        from test_driver.driver import Driver, load_driver_configuration
        from test_driver.logger import CompositeLogger, TerminalLogger

        # A base directory of its own, since both drivers have VLAN 1.
        os.environ["XDG_RUNTIME_DIR"] = "{testbed.folder}/inner"
        config = load_driver_configuration(Path("{inner}"))
        logger = CompositeLogger([TerminalLogger()])
        with Driver(config=config, out_dir=driver.out_dir, logger=logger, interactive=True) as other:
            other.start_all()
            print(other.machines[0].succeed("echo within"), end="")
        print(web.succeed("echo without"), end="")
    """
    configuration = testbed.configuration(textwrap.dedent(script), vlans=[1])
    inner.write_text(configuration.read_text())
    run = testbed.run_driver(configuration)
    run.expect(0)
    assert "within\n" in run.stdout and run.stdout.endswith("without\n")


def test_3_7_a_custom_logger_receives_everything(testbed: Testbed) -> None:
    script = """
        from contextlib import contextmanager
        from test_driver.logger import AbstractLogger

        class Collector(AbstractLogger):
            lines = []
            def log(self, message, attributes={}): self.lines.append(message)
            def log_test_error(self, *args, **kwargs): self.log(*args, **kwargs)
            def log_serial(self, message, machine): self.lines.append(f"{machine} # {message}")
            @contextmanager
            def nested(self, message, attributes={}):
                self.lines.append(message)
                yield
            @contextmanager
            def subtest(self, name, attributes={}):
                self.lines.append("part " + name)
                yield

        log.add_logger(Collector())
        with subtest("one"):
            web.succeed("echo aside >&2")
        web.wait_for_console_text("aside")
        log.log("last")
        assert "part one" in Collector.lines and "last" in Collector.lines, Collector.lines
        assert "must succeed: echo aside >&2" in Collector.lines
        assert "web # aside" in Collector.lines, Collector.lines
    """
    testbed.run_driver(testbed.configuration(script)).expect(0)
