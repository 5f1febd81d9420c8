"""Section 3.6: containers of systemd-nspawn, beside a virtual machine on the same VLANs."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.logger import CompositeLogger, TerminalLogger
from test_driver.machine import BaseMachine, NspawnMachine

from support.containers import only_containers, why_no_containers
from support.leftovers import expect_nothing_left
from support.patience import deadline, scaled, until
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster
from support.testbed import Testbed

CLUSTER = """
[machines.vm]
guest = "minimal"
vlans = [1, 2]
[containers.web]
guest = "debian"
[containers.other]
guest = "debian"
vlans = [2]
"""


_REASON = why_no_containers()
needs_containers = pytest.mark.skipif(bool(_REASON), reason=_REASON)


@pytest.fixture(scope="module")
def mixed() -> Iterator[SharedMachines]:
    """A virtual machine and two containers, all started."""
    with only_containers(), machines_of_cluster(CLUSTER) as made:
        with deadline(BOOT_LIMIT):
            made.driver.start_all()
            made["vm"].connect()
        yield made


@pytest.fixture
def web(mixed: SharedMachines) -> NspawnMachine:
    (found,) = [each for each in mixed.driver.machines_nspawn if each.name == "web"]
    return found


@needs_containers
def test_3_6_containers_are_machines(mixed: SharedMachines, web: NspawnMachine) -> None:
    names = [machine.name for machine in mixed.driver.machines]
    assert names == ["other", "vm", "web"]
    assert isinstance(web, BaseMachine) and repr(web) == "<NspawnMachine 'web'>"
    assert web.is_up() and web.pid is not None
    assert web.state_dir.name == "vm-state-web"
    web.start()


@needs_containers
def test_3_6_the_environment_of_the_start_script(web: NspawnMachine) -> None:
    text = Path(f"/proc/{web.pid}/environ").read_text().rstrip("\0")
    assert dict(line.split("=", 1) for line in text.split("\0")) == {
        "RUN_NSPAWN_ROOT_DIR": str(web.state_dir),
        "RUN_NSPAWN_SHARED_DIR": str(web.shared_dir),
        "NOTIFY_SOCKET": str(web.tmp_dir / "web-nspawn.sock"),
    }
    assert Path(f"/proc/{web.pid}/cwd").resolve() == web.state_dir.resolve()


@needs_containers
def test_3_6_commands_and_their_environment(web: NspawnMachine) -> None:
    assert web.succeed("hostname") == "web\n"
    assert web.succeed('echo "$USER $HOME $DISPLAY"; readlink /proc/1/exe') == (
        "root /root :0.0\n/usr/lib/systemd/systemd\n"
    )
    assert web.execute("echo out; echo err >&2; exit 42") == (42, "out\n")
    assert web.execute("false | true")[0] == 1
    # Containers return both regardless of these arguments, as with upstream.
    assert web.execute("echo x; exit 3", check_return=False, check_output=False) == (3, "x\n")
    with pytest.raises(RequestedAssertionFailed, match=r"`false` failed \(exit code 1\)"):
        web.succeed("false")


@needs_containers
def test_3_6_a_limit_is_an_exception(web: NspawnMachine) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        web.execute("sleep 600", timeout=1)


@needs_containers
def test_3_6_units_ports_and_files_are_waited_for(web: NspawnMachine) -> None:
    web.wait_for_unit("multi-user.target")
    web.succeed("systemd-run -u listener --collect nc -lk 4711")
    web.wait_for_open_port(4711)
    web.systemctl("stop listener")
    web.wait_for_closed_port(4711)
    web.wait_for_file("/etc/hostna*")


@needs_containers
def test_3_6_the_journal_is_logged_as_the_console(
    mixed: SharedMachines, web: NspawnMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    web.succeed("logger from the container")
    until_logged("from the container", mixed, capfd)


@needs_containers
def test_3_6_the_journal_is_followed_again_after_journalctl_has_ended(
    mixed: SharedMachines, web: NspawnMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    web.succeed("true")
    journal = web._journal
    assert journal is not None
    journal.kill()
    journal.wait()
    web.succeed("logger and again")
    until_logged("and again", mixed, capfd)
    # Waits follow it, too.
    again = web._journal
    assert again is not None and again is not journal
    again.kill()
    again.wait()
    web.wait_for_unit("multi-user.target")
    assert web._journal is not None and web._journal is not again


def until_logged(message: str, machines: SharedMachines, capfd: pytest.CaptureFixture[str]) -> None:
    """Waits for a line of the console of `web`."""
    seen: list[str] = []

    def is_logged() -> bool:
        machines.driver.logger.reporter.flush()
        seen.append(capfd.readouterr().err)
        line = rf"^\x1b\[2mweb # \[ *[0-9.]+\] web .*: {message}\x1b\[0m$"
        return re.search(line, "".join(seen), re.MULTILINE) is not None

    until(is_logged, 30, lambda: "".join(seen))


@needs_containers
def test_3_6_files_both_ways(mixed: SharedMachines, web: NspawnMachine, folder: Path) -> None:
    (folder / "tree/below").mkdir(parents=True)
    (folder / "tree/below/data").write_bytes(bytes(range(256)))
    (folder / "tree/below/data").chmod(0o750)
    web.copy_from_host(str(folder / "tree"), "/root/new folder/tree")
    assert web.succeed("stat -c %a:%U '/root/new folder/tree/below/data'") == "750:root\n"
    web.copy_from_machine("/root/new folder/tree", "back")
    back = mixed.out / "back/tree/below/data"
    assert back.read_bytes() == bytes(range(256)) and back.stat().st_mode & 0o777 == 0o750
    with pytest.raises(FileExistsError):
        web.copy_from_machine("/root/new folder/tree", "back")
    # As of upstream's `cp -r`.
    with pytest.raises(RequestedAssertionFailed, match="/nowhere"):
        web.copy_from_machine("/nowhere")
    with pytest.raises(RequestedAssertionFailed, match="hostname"):
        web.copy_from_host(str(folder / "tree"), "/etc/hostname/tree")
    assert list(web.shared_dir.iterdir()) == []


@needs_containers
def test_3_6_machines_and_containers_share_vlans(mixed: SharedMachines, web: NspawnMachine) -> None:
    vm = mixed["vm"]
    vm.wait_until_succeeds("ping -c 1 -W 5 web", timeout=scaled(60))
    vm.wait_until_succeeds("ping -c 1 -W 5 other", timeout=scaled(60))
    web.succeed("ping -c 1 -W 60 vm")
    web.succeed("ping -c 1 -W 60 2001:db8:1::2")
    # `other` is on another VLAN.
    web.fail("ping -c 1 -W 1 192.168.2.1")


@needs_containers
def test_3_6_screenshots_and_keys_use_programs_of_x(
    mixed: SharedMachines, web: NspawnMachine, folder: Path
) -> None:
    # The container has no X server: these replace its programs.
    picture = b"P6 160 40 255\n" + bytes([255, 255, 200]) * 160 * 40
    (folder / "screen.xwd").write_bytes(
        subprocess.run(["pnmtoxwd"], input=picture, capture_output=True, check=True).stdout
    )
    (folder / "xwd").write_text(
        '#!/bin/sh\n[ "$1 $2 $3" = "-root -silent -out" ] && cp /root/screen.xwd "$4"\n'
    )
    (folder / "xdotool").write_text('#!/bin/sh\necho "$*" >> /root/typed\n')
    web.copy_from_host(str(folder / "screen.xwd"), "/root/screen.xwd")
    for program in ("xwd", "xdotool"):
        (folder / program).chmod(0o755)
        web.copy_from_host(str(folder / program), f"/usr/local/bin/{program}")
    web.screenshot("container")
    assert (mixed.out / "container.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert web.get_screen_text().strip() == ""
    web.send_chars("a-")
    web.send_key("ctrl-alt-f1")
    assert web.succeed("cat /root/typed").splitlines() == [
        "type --clearmodifiers --delay 0 -- a",
        "type --clearmodifiers --delay 0 -- -",
        "key --clearmodifiers ctrl-alt-f1",
    ]


@needs_containers
def test_3_6_the_ssh_command(web: NspawnMachine) -> None:
    assert web.ssh_backdoor_command() == (
        'ssh -o User=root -o ProxyCommand="socat - '
        'UNIX-CLIENT:/run/systemd/nspawn/unix-export/web/ssh" bash'
    )


@needs_containers
def test_3_6_files_survive_shutdown_and_start(
    mixed: SharedMachines, capfd: pytest.CaptureFixture[str]
) -> None:
    (other,) = [each for each in mixed.driver.machines_nspawn if each.name == "other"]
    other.succeed("echo kept > /root/kept")
    other.shutdown()
    assert not other.is_up() and other.pid is None
    other.shutdown()
    other.start()
    assert other.succeed("cat /root/kept") == "kept\n"
    pid = other.pid
    other.release()
    assert not other.is_up()
    mixed.driver.logger.reporter.flush()
    log = capfd.readouterr().err
    assert "waiting for the container to power off" in log
    assert f"other: systemd-nspawn running (pid {pid})\n" in log
    assert f"kill NspawnMachine (pid {pid})\n" in log


def test_3_4_the_name_is_that_of_the_script(folder: Path) -> None:
    logger = CompositeLogger([TerminalLogger()])
    made = NspawnMachine(folder, folder, "/nix/x/bin/run-a-b-nspawn", logger)
    assert made.name == "a-b"
    with pytest.raises(AssertionError):
        NspawnMachine(folder, folder, "/nix/run-x-nspawn/bin/start", logger)


def test_3_6_a_start_script_that_fails_is_reported(folder: Path) -> None:
    script = folder / "run-failing-nspawn"
    script.write_text("#!/bin/sh\necho 'no such image' >&2\nexit 3\n")
    script.chmod(0o755)
    failing = NspawnMachine(folder, folder, str(script), CompositeLogger([TerminalLogger()]))
    with pytest.raises(MachineError) as failure:
        failing.start()
    assert str(failure.value) == "systemd-nspawn process exited unexpectedly"
    assert "no such image" in "\n".join(failure.value.__notes__)
    assert not failing.is_up() and not (folder / "failing-nspawn.sock").exists()


def test_3_6_a_missing_start_script_is_named(folder: Path) -> None:
    logger = CompositeLogger([TerminalLogger()])
    lost = NspawnMachine(folder, folder, "/nowhere/run-lost-nspawn", logger)
    with pytest.raises(MachineError, match="/nowhere/run-lost-nspawn"):
        lost.start()
    assert not lost.is_up() and not (folder / "lost-nspawn.sock").exists()


@needs_containers
@pytest.mark.limit(240)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, 137)]
)
def test_3_6_no_interfaces_and_namespaces_are_left(
    testbed: Testbed, number: signal.Signals, status: int
) -> None:
    # No other test uses VLAN 77: bridges of the kernel are shared by all tests.
    (testbed.folder / "cluster.toml").write_text(
        '[containers.lone]\nguest = "debian"\nvlans = [77]\n'
    )
    (testbed.folder / "test.py").write_text(
        "lone.succeed('echo $((40 + 2)) inside >&2; sleep 600')"
    )
    run = testbed.run("charioteer", "run", str(testbed.folder))
    run.wait_for("42 inside", limit=120)
    assert Path("/sys/class/net/br77").exists()
    run.send(number)
    run.expect(status)
    expect_nothing_left(testbed.folder)
    until(
        lambda: not any(Path("/sys/class/net").glob("*77"))
        and not Path("/sys/class/net/lone-eth1").exists()
        and not Path("/run/netns/nixos-nspawn-lone").exists(),
        30,
        lambda: f"left: {os.listdir('/sys/class/net')}",
    )
