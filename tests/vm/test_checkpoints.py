"""Checkpoints of real guests: what lives on in them, what ends, and what interrupts saving them."""

import os
import signal

import pytest

from support.mounted import ROOT_ONLY, mounted
from support.recorded_cluster import LIMIT, TWO, Cluster, end_at_random_moments
from support.run import Run
from support.testbed import Testbed
from support.vsock import folder_of_program

pytestmark = pytest.mark.limit(1500)

DISKS = """
    [machines.server]
    guest = "debian"
    vlans = [1]
    disks = [64, 32]
    firmware = "efi"
    # Not the same machine: with QEMU 10.0 the kernel of one with EFI firmware and two processors
    # sometimes gets no timer interrupts on the second one, and its boot does not end.
    [machines.client]
    guest = "minimal"
    vlans = [1]
    cpus = 2
"""
BACKDOOR = """
    ssh_backdoor = true
    [machines.server]
    guest = "minimal"
"""


@pytest.fixture
def two(testbed: Testbed) -> Cluster:
    return Cluster(testbed, TWO)


def test_connections_between_machines_live_on(two: Cluster) -> None:
    script = """
        start_all()
        server.succeed("mkfifo /in /out")
        # Both ends of each pipe are open for reading and writing, so that neither side waits.
        server.succeed("(sleep 1000 <>/in) >/dev/null 2>&1 & nc -lk 7 <>/in >/received 2>/dev/null &")
        client.succeed("mkfifo /in; (sleep 1000 <>/in) >/dev/null 2>&1 &")
        server.wait_for_open_port(7)
        client.succeed("nc server 7 <>/in >/received 2>/dev/null &")
        client.succeed("echo before > /in")
        server.wait_until_succeeds("grep before /received")
        # Numbers that are sent without end, also while the machines are saved.
        count = "i=0; while i=$((i + 1)); do echo $i; sleep 0.02; done"
        client.succeed(f"({count}) >/in 2>/dev/null &")
        received = "grep -c '^[0-9]' /received"
        server.wait_until_succeeds(f"test $({received}) -gt 20")
        with subtest("connected"):
            then = int(server.succeed(received))
        server.wait_until_succeeds(f"test $({received}) -gt {then + 50}")
        server.succeed("echo from the server > /in")
        client.succeed("echo from the client > /in")
        client.wait_until_succeeds("grep 'from the server' /received")
        server.wait_until_succeeds("grep 'from the client' /received")
        # The last one may be incomplete.
        numbers = server.succeed("grep '^[0-9]' /received").split()[:-1]
        print("complete:", numbers == [str(i + 1) for i in range(len(numbers))])
    """
    recorded = two.run(script, "--checkpoint")
    resumed = two.resume(script, "connected")
    for run in (recorded, resumed):
        assert "complete: True" in run.stdout, run.report()


def test_clocks_go_on_alike(two: Cluster) -> None:
    # The guests' clocks are a day ahead, so that a clock that goes on is never that of the host.
    script = """
        import time
        start_all()
        all_machines.succeed("date -u -s @$(($(date +%s) + 86400))")
        with subtest("ready"):
            all_machines.succeed("true")
        now = all_machines.succeed("date +%s")
        print("apart", abs(int(now["server"]) - int(now["client"])))
        print("ahead", int(now["server"]) - int(time.time()))
    """
    two.run(script, "--checkpoint")
    kept = two.resume(script, "ready")
    set_now = two.resume(script, "ready", "--clock=now")

    def seen(run: Run, name: str) -> int:
        (line,) = [each for each in run.stdout.splitlines() if each.startswith(name)]
        return int(line.split()[1])

    hour = 3600
    assert seen(kept, "apart") < hour and seen(set_now, "apart") < hour
    assert seen(kept, "ahead") > 23 * hour
    assert abs(seen(set_now, "ahead")) < hour


def test_disks_processors_firmware_and_shares(testbed: Testbed) -> None:
    script = """
        start_all()
        client.succeed("echo before > /state")
        disk = "/dev/vdc"
        assert server.succeed("cat /sys/class/block/vdc/serial") == "empty1"
        server.succeed(f"echo before > {disk}; echo before > /root/state; sync")
        server.copy_from_host(__import__("os").path.abspath("/etc/hostname"), "/root/hostname")
        with subtest("written"):
            server.succeed("true")
        assert client.succeed("nproc; cat /state").split() == ["2", "before"]
        assert server.succeed(f"head -n 1 {disk}") == "before\\n"
        server.succeed(f"echo after > {disk}; echo after > /root/state; rm /root/hostname; sync")
        server.succeed("test -d /sys/firmware/efi")
        server.copy_from_machine("/root/state")
    """
    boots_again = """
        client.shutdown()
        server.crash()
        server.start()
        assert server.succeed(f"head -n 1 {disk}; cat /root/state") == "after\\nafter\\n"
    """
    cluster = Cluster(testbed, DISKS)
    cluster.run(script, "--checkpoint")
    (testbed.out / "state").unlink()
    cluster.resume(script + boots_again, "written")
    assert (testbed.out / "state").read_text() == "after\n"


def test_a_command_in_the_background(two: Cluster) -> None:
    script = """
        server.start()
        with server.spawn("for i in 1 2 3; do echo $i; sleep 1; done; sleep 100") as process:
            first = next(process)
            with subtest("while it runs"):
                pass
        done = server.spawn("echo out; echo err >&2; exit 3").wait()
        with subtest("when it has ended"):
            print("seen", first, done.status, done.stdout, done.stderr)
        print("seen", server.spawn("echo another").wait().stdout)
    """
    recorded = two.run(script, "--checkpoint")
    assert "no checkpoint is saved here: `for i in 1 2 3" in recorded.stderr
    resumed = two.resume(script, "when it has ended")
    for run in (recorded, resumed):
        assert "seen another" in run.stdout
    assert recorded.stdout.count("seen") == resumed.stdout.count("seen") == 2


def test_something_destructive_and_back(two: Cluster) -> None:
    script = """
        start_all()
        all_machines.succeed("echo before > /state")
        driver.checkpoint("good")
        server.succeed("rm /usr/bin/nc.openbsd && echo after > /state")
        client.crash()
        driver.restore("good")
        print("seen", all_machines.succeed("cat /state"))
        client.succeed("ping -c 1 -W 60 server")
        driver.restore("good")
        print("seen", server.succeed("cat /state"))
    """
    run = two.run(script)
    assert "seen {'client': 'before\\n', 'server': 'before\\n'}" in run.stdout
    assert "seen before" in run.stdout
    assert list(two.store.glob("*/record.json")) == []


def test_two_runs_resume_at_one_checkpoint(two: Cluster, testbed: Testbed) -> None:
    script = """
        start_all()
        with subtest("ready"):
            all_machines.succeed("echo before > /state")
        client.succeed("ping -c 1 -W 60 server; echo after > /state")
        print("seen", server.succeed("cat /state"))
    """
    two.run(script, "--checkpoint")
    runs = []
    for name in ("one", "another"):
        out = testbed.folder / name
        runs.append(two.start(script, "--resume", "-o", str(out)))
    for run in runs:
        run.expect(0, limit=LIMIT)
        assert "resumed at the checkpoint 'ready'" in run.stderr
        assert "seen before" in run.stdout


def test_an_ssh_backdoor_is_refused(testbed: Testbed) -> None:
    program, why_not = folder_of_program()
    if program is None:
        pytest.skip(why_not)
    script = """
        server.succeed("true")
        try:
            driver.checkpoint("refused")
        except Exception as error:
            print("seen", error)
        print("seen", server.succeed("echo it runs on"))
    """
    run = Cluster(testbed, BACKDOOR).run(script, PATH=f"{program}:{os.environ['PATH']}")
    assert "seen the checkpoint 'refused' cannot be made: QEMU cannot save server" in run.stdout
    assert "(sshBackdoor.enable = false)" in run.stdout
    assert "seen it runs on" in run.stdout


@ROOT_ONLY
def test_a_full_disk_while_saving(two: Cluster, testbed: Testbed) -> None:
    script = """
        server.start()
        with subtest("ready"):
            server.succeed("true")
        print("seen", server.succeed("echo it runs on"))
    """
    two.store = testbed.folder / "small/store"
    two.store.parent.mkdir()
    with mounted(two.store.parent, "size=20M"):
        run = two.run(script, "--checkpoint")
        again = two.run(script, "--resume")
    assert "the checkpoint 'ready' was not saved" in run.stderr
    assert "No space left on device" in run.stderr
    assert "seen it runs on" in run.stdout
    assert "cannot resume, the machines boot" in again.stderr


def test_ended_at_random_moments(two: Cluster) -> None:
    """tests/cluster has the same with more moments, which take too long for here."""
    end_at_random_moments(two, 6, [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
