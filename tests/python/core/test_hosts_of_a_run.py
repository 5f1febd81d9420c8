"""`charioteer run --hosts`: machines on another host, by a real sshd, and the loss of that host in each
phase. QEMU is fake.
"""

import os
import re
import shlex
import shutil
import signal
import sys
import textwrap
from pathlib import Path

import pytest
from charioteer.trace import records

from support.fake_guests import fake_guests
from support.far_host import FarHost, needs_sshd, write_hosts
from support.leftovers import expect_nothing_left
from support.patience import until
from support.run import Run

pytestmark = needs_sshd

CLUSTER = """
name = "two-hosts"
[machines.near]
guest = "minimal"
host = "here"
[machines.far]
guest = "minimal"
host = "b"
"""


class Hosts:
    """A cluster of one machine here and one on the host b, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = fake_guests(folder)
        # That of a version manager, which some users have first in PATH, starts several shells.
        (folder / "bin/python3").symlink_to("/usr/bin/python3")
        passed = {
            name: value
            for name, value in self._environment.items()
            if name == "PATH" or name.startswith("FAKE_QEMU")
        }
        self.b = FarHost(folder, "b", passed)
        write_hosts(folder / "hosts.toml", {"here": "", "b": self.b.ssh})
        (folder / "cluster.toml").write_text(CLUSTER)

    def run(self, script: str, *options: str, hosts: str = "hosts.toml", **variables: str) -> Run:
        (self.folder / "test.py").write_text(textwrap.dedent(script))
        command = [sys.executable, "-m", "charioteer", "run", ".", "--hosts", hosts, "--log"]
        environment = {**self._environment, **variables}
        return Run([*command, "--no-diagnosis", *options], environment, self.folder)

    def expect_nothing_left(self) -> None:
        expect_nothing_left(self.folder)
        left = self.b.temporary
        until(lambda: not any(left.iterdir()), 30, lambda: f"left there: {[*left.iterdir()]}")


@pytest.fixture(name="hosts")
def fixture_hosts(folder: Path) -> Hosts:
    return Hosts(folder)


def test_the_script_does_not_notice(hosts: Hosts) -> None:
    run = hosts.run(
        """
        start_all()
        for machine in (near, far):
            t.assertEqual(machine.succeed(f"echo {machine.name}"), machine.name + "\\n")
        t.assertIn("b/tmp/charioteer-", far.succeed("pwd"))
        far.screenshot("picture")
        far.copy_from_host(__import__("os").path.abspath("cluster.toml"), f"{os.getcwd()}/copied")
        far.crash()
        far.start()
        far.succeed("true")
        far.shutdown()
        """
    )
    run.expect(0)
    assert "machines on here: near" in run.stderr and "machines on b: far" in run.stderr
    assert (hosts.folder / "charioteer-out/two-hosts/picture.png").stat().st_size > 0
    assert (hosts.folder / "copied").read_text() == CLUSTER
    hosts.expect_nothing_left()


def test_a_host_that_cannot_be_reached_is_named(hosts: Hosts) -> None:
    hosts.b.cut()
    run = hosts.run("start_all()")
    run.expect(75)
    assert "the host b cannot be reached: " in run.stderr
    hosts.expect_nothing_left()


def test_a_host_lost_while_files_are_sent_is_named(hosts: Hosts) -> None:
    for image in (hosts.folder / "cache").glob("*/initrd"):
        os.truncate(image, 1 << 29)
    run = hosts.run("start_all()")
    far_cache = hosts.b.folder / "cache/charioteer-hosts"
    until(lambda: any(far_cache.glob("partial-*")), 60, run.report)
    hosts.b.cut()
    run.expect(75)
    assert "charioteer: error: the host b was lost: " in run.stderr
    assert "starting vm" not in run.stderr
    hosts.expect_nothing_left()
    assert not any(far_cache.glob("partial-*"))


def test_a_host_lost_before_the_start_is_named(hosts: Hosts) -> None:
    run = hosts.run(
        f"""
        import subprocess
        subprocess.run(["sh", "-c", {hosts.b.cut_command!r}])
        start_all()
        """
    )
    run.expect(75)
    assert "far: the host b cannot be reached: " in run.stderr
    hosts.expect_nothing_left()


def test_a_host_lost_in_a_command_is_named(hosts: Hosts) -> None:
    run = hosts.run(
        f"""
        start_all()
        near.succeed("true")
        far.succeed({hosts.b.cut_command!r} + "; sleep 600")
        """
    )
    run.expect(75)
    assert "far: the host b was lost: " in run.stderr and "sleep 600" in run.stderr, run.stderr
    assert re.search("^charioteer: error: the host b was lost: .*\n$", run.stderr, re.MULTILINE)
    trace = records.load(hosts.folder / "charioteer-out/two-hosts")
    (result,) = trace.of_kind("result")
    assert (result["status"], result["exit_status"]) == ("failed", 75)
    hosts.expect_nothing_left()


# Runs `far` until its host is lost.
LOSE = """
import subprocess
start_all()
far.succeed("true")
subprocess.run(["sh", "-c", {cut!r}])
try:
    far.succeed("sleep 600")
except Exception:
    pass
"""


@pytest.mark.parametrize(
    "rest, status",
    [
        ("near.succeed('false')", 75),
        ("raise ValueError('because of it')", 75),
        ("sys.exit(1)", 1),
        ("sys.exit(0)", 0),
        ("near.succeed('true')", 0),
    ],
)
def test_a_script_that_fails_after_a_loss_is_not_at_fault(
    hosts: Hosts, rest: str, status: int
) -> None:
    run = hosts.run(LOSE.format(cut=hosts.b.cut_command) + f"import sys\n{rest}\n")
    run.expect(status)
    assert ("charioteer: error: the host b was lost: " in run.stderr) == (status == 75)
    hosts.expect_nothing_left()


def test_a_script_that_fails_without_a_loss_is_at_fault(hosts: Hosts) -> None:
    run = hosts.run("start_all()\nfar.succeed('false')\n")
    run.expect(1)
    hosts.expect_nothing_left()


def test_a_file_called_slurm_is_no_allocation(hosts: Hosts) -> None:
    file = (hosts.folder / "hosts.toml").rename(hosts.folder / "slurm")
    run = hosts.run("far.succeed('true')\n", hosts=str(file))
    run.expect(0)


def test_a_host_lost_in_a_copy_is_named(hosts: Hosts) -> None:
    run = hosts.run(
        f"""
        import os, subprocess, threading, time
        start_all()
        far.succeed("true")
        def cut():
            while set(os.listdir()) == before:
                time.sleep(0.01)
            subprocess.run(["sh", "-c", {hosts.b.cut_command!r}])
        with open("large", "wb") as file:
            file.truncate(4 << 30)
        before = set(os.listdir())
        threading.Thread(target=cut, daemon=True).start()
        far.copy_from_host(os.path.abspath("large"), os.path.abspath("copied"))
        """
    )
    run.expect(75)
    assert "the host b was lost: " in run.stderr and "large" in run.stderr
    (hosts.folder / "large").unlink()
    hosts.expect_nothing_left()


def test_a_host_lost_in_the_clean_up_is_a_warning(hosts: Hosts) -> None:
    run = hosts.run(
        f"""
        import subprocess
        start_all()
        far.succeed("true")
        near.succeed("true")
        subprocess.run(["sh", "-c", {hosts.b.cut_command!r}])
        """
    )
    run.expect(0)
    assert "warning: the host b was lost: " in run.stderr
    assert "what runs there ends by itself within 60 s" in run.stderr
    hosts.expect_nothing_left()


_IMPATIENT_SSH = """#!/bin/sh
for word; do
    shift
    [ "$word" != ServerAliveInterval=10 ] || word=ServerAliveInterval=1
    set -- "$@" "$word"
done
exec {ssh} "$@"
"""


def test_a_host_that_is_silent_is_lost_within_a_limit(hosts: Hosts) -> None:
    # ssh asks the silent host every second instead of every 10 s: it is lost after 3 s, not 30 s.
    ssh = hosts.folder / "bin/ssh"
    ssh.write_text(_IMPATIENT_SSH.format(ssh=shutil.which("ssh")))
    ssh.chmod(0o755)
    run = hosts.run(
        f"""
        import subprocess
        start_all()
        far.succeed("true")
        subprocess.run(["sh", "-c", {hosts.b.silence_command!r}])
        far.succeed("sleep 600")
        """
    )
    try:
        run.expect(75)
    finally:
        hosts.b.end_silence()
    assert "far: the host b was lost: Timeout, server b not responding." in run.stderr, run.stderr
    hosts.expect_nothing_left()


def test_two_runs_on_one_host_are_independent(hosts: Hosts) -> None:
    script = """
        import time
        start_all()
        folder = far.succeed("pwd").strip()
        with open(os.environ["OWN"] + ".new", "w") as file:
            file.write(folder)
        os.rename(file.name, os.environ["OWN"])
        while not os.path.exists(os.environ["OTHER"]):
            time.sleep(0.01)
        if os.environ["OWN"] == "killed":
            os.kill(os.getpid(), 9)
        with open(os.environ["OTHER"]) as file:
            other = file.read()
        t.assertNotIn("", (folder, other))
        t.assertNotEqual(folder, other)
        while os.path.exists(other):
            time.sleep(0.01)
        far.succeed("true")
        far.shutdown()
        """
    killed = hosts.run(script, "-o", "out-1", OWN="killed", OTHER="stays")
    stays = hosts.run(script, "-o", "out-2", OWN="stays", OTHER="killed")
    killed.expect(128 + signal.SIGKILL)
    stays.expect(0)
    hosts.expect_nothing_left()


def test_more_machines_than_log_in_at_once(hosts: Hosts) -> None:
    # Four log in at once, and the others wait; sshd of these tests has no limit of its own.
    names = [f"m{number}" for number in range(6)]
    tables = [f'[machines.{name}]\nguest = "minimal"\nhost = "b"\nmemory = 64\n' for name in names]
    (hosts.folder / "cluster.toml").write_text('name = "many"\n' + "".join(tables))
    run = hosts.run("start_all()\nfor machine in machines:\n    machine.succeed('true')\n")
    run.expect(0)
    hosts.expect_nothing_left()


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), 9)"])
def test_the_end_of_the_driver_ends_the_machines_there(hosts: Hosts, end: str) -> None:
    run = hosts.run(f"import os\nstart_all()\nfar.succeed('true')\n{end}\n")
    run.finish()
    hosts.expect_nothing_left()


def test_checkpoints_are_refused_by_the_name_of_the_host(hosts: Hosts) -> None:
    run = hosts.run('start_all()\nfar.succeed("true")\ndriver.checkpoint("here")\n')
    run.expect(1)
    assert "far" in run.stderr and "it runs on the host b" in run.stderr
    hosts.expect_nothing_left()


def test_machine_states_are_not_kept(hosts: Hosts) -> None:
    run = hosts.run("", "-K")
    run.expect(2)
    assert "--hosts and --keep-machine-state exclude each other" in run.stderr


_SCONTROL = """#!/bin/sh
[ "$1 $2 $3" = "show hostnames n[1-2]" ] && printf 'here\\nb\\n'
"""
# sshd gives programs an environment of its own, in which there is no fake QEMU.
_SRUN = """#!/usr/bin/python3
import os, sys
begin = sys.argv.index("sh")
with open({log!r}, "a") as file:
    print(*sys.argv[1:begin], file=file)
script = sys.argv[begin + 2]
own = '-o "SetEnv=\\\\"TMPDIR=${{TMPDIR:-/tmp}}\\\\""'
assert own in script
os.execvp("sh", ["sh", "-c", script.replace(own, {setting!r})])
"""


def test_the_nodes_of_a_slurm_allocation_are_hosts(hosts: Hosts) -> None:
    log = hosts.folder / "srun.log"
    setting = "-o " + shlex.quote(f"SetEnv={hosts.b.words}")
    srun = _SRUN.format(log=str(log), setting=setting)
    for name, text in (("scontrol", _SCONTROL), ("srun", srun)):
        program = hosts.folder / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    run = hosts.run(
        'start_all()\nfar.succeed("true")\nnear.succeed("true")\n',
        hosts="slurm",
        SLURM_JOB_NODELIST="n[1-2]",
        SLURMD_NODENAME="here",
        SLURM_MEM_PER_NODE="4096",
    )
    run.expect(0)
    steps = log.read_text().splitlines()
    assert len(steps) == 2, "one for the folder, and one for the machine"
    options = "--overlap --nodes=1 --ntasks=1 --cpu-bind=none --mem=0 --export=ALL --nodelist=b"
    assert all(options in step for step in steps)
    hosts.expect_nothing_left()


def test_slurm_needs_an_allocation(hosts: Hosts) -> None:
    run = hosts.run("", hosts="slurm")
    run.expect(2)
    assert "--hosts slurm: there is no SLURM_JOB_NODELIST" in run.stderr
