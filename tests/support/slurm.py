"""A Slurm on this machine, with a munge of its own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.patience import scaled, until

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_PROGRAMS = ("munged", "slurmctld", "slurmd", "salloc", "sbatch", "srun", "scontrol")

# A job that is requeued waits until its credential has expired, by default two minutes.
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters={resources}
MpiDefault=none
SchedulerParameters=sched_interval=2,bf_interval=2
"""
_NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} {facts}\n"
_PARTITION = "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"


@dataclass(frozen=True)
class Node:
    """A node as Slurm sees it, whatever this machine has. `memory`, in MB: None: it is not divided."""

    name: str
    processors: int = 1
    memory: int | None = None


class Slurm:
    """A Slurm that runs."""

    def __init__(self, configuration: Path) -> None:
        self.variables = {"SLURM_CONF": str(configuration), "PATH": _PATH}
        """Those of its programs."""

    def output(self, *command: str) -> str:
        """What one of its programs prints, also on standard error."""
        done = self._run(*command)
        return done.stdout + done.stderr

    def update_node(self, *changes: str) -> None:
        """Changes a node, which must succeed: "NodeName=n1", "State=RESUME"."""
        done = self._run("scontrol", "update", *changes)
        assert done.returncode == 0, f"{changes}: {done.stderr}"

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **self.variables}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=scaled(60)
        )

    def nodes(self) -> str:
        """The states of the nodes with their numbers: "idle 2"."""
        return self.output("sinfo", "--noheader", "--format=%T %D").strip()

    def jobs(self, form: str) -> list[str]:
        """A line for each job and task that has not ended, in squeue's format."""
        return self.output("squeue", "--noheader", "--array", f"--format={form}").splitlines()

    def end_jobs(self) -> None:
        """Otherwise their processes would outlive the daemons."""
        self.output("scancel", "--user=root")
        until(lambda: not self.jobs("%i"), 60, lambda: f"jobs that do not end: {self.jobs('%i')}")


def why_no_slurm() -> str:
    """Why this machine cannot have such a Slurm; empty if it can."""
    if os.getuid() != 0:
        return "Slurm's daemons need root"
    missing = [name for name in _PROGRAMS if _find(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def slurm(folder: Path, nodes: Sequence[Node]) -> Iterator[Slurm]:
    """Within the block there is a Slurm with these nodes, whose files are in `folder`."""
    folder.mkdir()
    folder.chmod(0o755)
    configuration = folder / "slurm.conf"
    configuration.write_text(_configuration(folder, nodes))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    munge = [f"--key-file={key}", f"--socket={folder}/munge.socket", "--foreground", "--force"]
    munge += [f"--{kind}-file={folder}/munge.{kind}" for kind in ("pid", "log", "seed")]
    system = Slurm(configuration)
    with ExitStack() as stack:
        for log, command in (
            ("munged", ["munged", *munge]),
            ("slurmctld", ["slurmctld", "-D"]),
            *((node.name, ["slurmd", "-D", "-N", node.name]) for node in nodes),
        ):
            output = stack.enter_context((folder / f"{log}.log").open("wb"))
            program = _find(command[0])
            assert program is not None
            environment = {**os.environ, **system.variables}
            daemon = subprocess.Popen(
                [program, *command[1:]], env=environment, stdout=output, stderr=output
            )
            stack.callback(daemon.wait, scaled(60))
            stack.callback(daemon.terminate)
        ready = f"idle {len(nodes)}"
        until(lambda: system.nodes() == ready, 60, lambda: f"Slurm is not ready: {system.nodes()}")
        stack.callback(system.end_jobs)
        yield system


def _configuration(folder: Path, nodes: Sequence[Node]) -> str:
    host = socket.gethostname().partition(".")[0]
    port, *ports = _free_ports(1 + len(nodes))
    divided = any(each.memory is not None for each in nodes)
    resources = "CR_Core_Memory" if divided else "CR_Core"
    text = _CONFIGURATION.format(host=host, port=port, folder=folder, resources=resources)
    for each, own in zip(nodes, ports, strict=True):
        facts = f"CPUs={each.processors} RealMemory={each.memory or 1}"
        text += _NODE.format(name=each.name, host=host, port=own, facts=facts)
    return text + _PARTITION


def _find(program: str) -> str | None:
    return shutil.which(program, path=_PATH)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
