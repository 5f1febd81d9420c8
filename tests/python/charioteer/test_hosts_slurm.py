"""The program that connects ssh with a node of a Slurm allocation, with stand-ins for Slurm's programs."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.hosts import slurm

from support.far_host import needs_sshd
from support.patience import scaled, until


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture(name="connect")
def fixture_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The program; Slurm's are in `tmp_path`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    write(tmp_path / "scontrol", "echo n1; echo n2")
    with slurm.allocated({"SLURM_JOB_NODELIST": "n[1-2]", "SLURMD_NODENAME": "n1"}) as hosts:
        here, there = hosts
        assert here.is_local
        (option,) = [word for word in there.ssh if word.startswith("ProxyCommand=")]
        yield Path(option.removeprefix("ProxyCommand=").split()[0])


@needs_sshd
class TestConnect:
    def test_has_the_streams_and_the_status_of_srun(self, connect: Path, tmp_path: Path) -> None:
        write(tmp_path / "srun", 'echo "$@" | grep -o nodelist=n2; cat; echo why >&2; exit 7')
        done = subprocess.run(
            [connect, "n2"], input=b"to the node\n", capture_output=True, timeout=scaled(30)
        )
        assert done.stdout == b"nodelist=n2\nto the node\n"
        assert (done.stderr, done.returncode) == (b"why\n", 7)

    def test_a_lost_node_does_not_delay_its_end(self, connect: Path, tmp_path: Path) -> None:
        begun, asked = tmp_path / "begun", tmp_path / "asked"
        # As srun, which waits for the node.
        write(
            tmp_path / "srun",
            f"trap 'touch {asked}' HUP\necho $$ > {begun}.new; mv {begun}.new {begun}\n"
            "while :; do sleep 0.1; done",
        )
        # With the signals of a process of the driver, also if the tests were started by nohup.
        command = ["env", "--default-signal=HUP", str(connect), "n2"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            try:
                until(begun.exists, 30, lambda: "srun has not begun")
                process.send_signal(signal.SIGHUP)
                assert process.wait(scaled(30)) == 128 + signal.SIGHUP
                until(asked.exists, 30, lambda: "srun was not asked to end")
            finally:
                process.kill()
                if begun.exists():
                    os.kill(int(begun.read_text()), signal.SIGKILL)
