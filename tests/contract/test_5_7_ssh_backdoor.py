"""Sections 5.7, 5.1, 3.7, 2.2 and 1.3: the SSH backdoor, with a fake vhost-device-vsock on PATH."""

import os
import signal
from pathlib import Path

import pytest
from charioteer.testing.vsock import hints

from support.patience import until
from support.run import Run
from support.testbed import Testbed

FAKE = """#!/usr/bin/python3
import os, pathlib, signal, socket, sys
here = pathlib.Path(__file__).parent
(here / "arguments").write_text("\\n".join(sys.argv[1:]))
(here / "pid").write_text(str(os.getpid()))
kept = []
for machine in sys.argv[2::2]:
    for field in machine.split(",")[1:]:
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].bind(field.partition("=")[2])
        kept[-1].listen()
signal.pause()
"""
HEADER = (
    "SSH backdoor enabled, the machines can be accessed like this:\n"
    "Note: vsocks require systemd-ssh-proxy(1) to be enabled (default on NixOS 25.05 and newer).\n"
)


class Backdoor:
    """Runs of the driver for the machines `web` and `db`, with a fake vhost-device-vsock."""

    def __init__(self, testbed: Testbed, program: str = FAKE) -> None:
        self.testbed = testbed
        self.programs = testbed.folder / "programs"
        self.programs.mkdir()
        path = self.programs / "vhost-device-vsock"
        path.write_text(program)
        path.chmod(0o755)

    def run(self, script: str) -> Run:
        starts = [self.testbed.start_script(name) for name in ("web", "db")]
        configuration = self.testbed.configuration(script, starts, ssh_backdoor=True)
        return self.testbed.run_driver(configuration, PATH=f"{self.programs}:{os.environ['PATH']}")

    def gone(self) -> bool:
        stat = Path("/proc", (self.programs / "pid").read_text(), "stat")
        try:
            return stat.read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True


@pytest.fixture
def backdoor(testbed: Testbed) -> Backdoor:
    return Backdoor(testbed)


def test_5_7_one_process_has_all_machines_with_cids_from_3(backdoor: Backdoor) -> None:
    run = backdoor.run(
        """
        for name, pair in driver.vhost_vsock.sockets.items():
            print("PAIR", name, pair.cid, pair.guest, pair.host)
        """
    )
    run.expect(0)
    assert "start vhost-device-vsock" in run.stderr
    pairs = [line.split()[1:] for line in run.stdout.splitlines() if line.startswith("PAIR")]
    assert [(name, cid) for name, cid, *_ in pairs] == [("web", "3"), ("db", "4")]
    expected = []
    for name, cid, guest, host in pairs:
        assert Path(guest).parents[1] == backdoor.testbed.state
        assert (Path(guest).name, Path(host).name) == (
            f"{name}_guest.socket",
            f"{name}_host.socket",
        )
        expected += ["--vm", f"guest-cid={cid},socket={guest},uds-path={host}"]
    assert (backdoor.programs / "arguments").read_text().splitlines() == expected


def test_5_7_the_process_and_its_sockets_end_with_the_run(backdoor: Backdoor) -> None:
    run = backdoor.run("print('AT', driver.vhost_vsock.sockets['web'].host)")
    run.expect(0)
    assert backdoor.gone()
    assert not list(backdoor.testbed.state.glob("*/*_host.socket"))


def test_5_7_the_process_dies_with_a_driver_that_is_killed(backdoor: Backdoor) -> None:
    run = backdoor.run("print('READY', flush=True)\nimport threading\nthreading.Event().wait()")
    run.wait_for("READY")
    run.send(signal.SIGKILL)
    until(backdoor.gone, 30, lambda: "vhost-device-vsock still runs")


def test_5_7_a_missing_program_is_reported_in_one_line(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration("pass", ssh_backdoor=True), PATH="/nowhere")
    run.expect(1)
    assert "needs vhost-device-vsock, which is not on PATH" in run.stderr
    assert "Traceback" not in run.stderr


def test_5_7_an_early_exit_of_the_program_is_reported(testbed: Testbed) -> None:
    run = Backdoor(testbed, "#!/bin/sh\necho no luck\nexit 7\n").run("pass")
    run.expect(1)
    assert "vhost-device-vsock ended with status 7 before it listened: no luck" in run.stderr


def test_2_2_hints_are_printed_before_the_script_and_on_demand(backdoor: Backdoor) -> None:
    run = backdoor.run("print('SCRIPT'); print('HOST', driver.vhost_vsock.sockets['web'].host)")
    run.expect(0)
    folder = run.stdout.partition("HOST ")[2].split()[0].rpartition("/")[0]
    expected = HEADER + "".join(
        f"    {name}:{pad}ssh -o User=root vsock-mux/{folder}/{name}_host.socket\n"
        for name, pad in (("db", "   "), ("web", "  "))
    )
    assert expected in run.stdout
    assert run.stdout.index("SSH backdoor enabled") < run.stdout.index("SCRIPT")


def test_2_2_without_the_backdoor_nothing_is_printed(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration("dump_machine_ssh()"))
    run.expect(0)
    assert "SSH backdoor" not in run.stdout


def test_1_3_dump_vsocks_counts_from_its_offset(testbed: Testbed) -> None:
    run = testbed.run_driver(testbed.configuration("pass"), "--dump-vsocks=2")
    run.expect(0)
    assert HEADER + "    web:  ssh -o User=root vsock/3\n" in run.stdout


def test_3_7_create_machine_warns_that_there_is_no_backdoor(backdoor: Backdoor) -> None:
    run = backdoor.run("create_machine('true', name='late')")
    run.expect(0)
    assert (
        "create_machine(late): not enabling SSH backdoor, this is not supported for VMs created with"
        " create_machine!"
    ) in run.stderr


def test_2_2_commands_and_the_note_are_bold() -> None:
    lines = hints({"a": "one", "long": "two"}).splitlines()
    assert lines[1].startswith(
        "\033[1mNote:\033[0m vsocks require \033[1msystemd-ssh-proxy(1)\033[0m"
    )
    assert lines[2:] == ["    a:     \033[1mone\033[0m", "    long:  \033[1mtwo\033[0m"]


def test_2_2_hints_without_machines() -> None:
    assert hints({}) == "SSH backdoor enabled, but no machines defined"
