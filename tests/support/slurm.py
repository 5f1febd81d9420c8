"""A Slurm of two nodes on this machine, with a munge of its own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.patience import scaled, until

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_PROGRAMS = ("munged", "slurmctld", "slurmd", "salloc", "srun", "scontrol")

_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=1 RealMemory=1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=1 RealMemory=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def why_no_slurm() -> str:
    """Why this machine cannot have such a Slurm; empty if it can."""
    if os.getuid() != 0:
        return "Slurm's daemons need root"
    missing = [name for name in _PROGRAMS if _find(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Within the block there is a Slurm. Yields the variables for its programs."""
    folder.mkdir()
    folder.chmod(0o755)
    host = socket.gethostname().partition(".")[0]
    port, first, second = _free_ports(3)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        _CONFIGURATION.format(host=host, port=port, first=first, second=second, folder=folder)
    )
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    variables = {"SLURM_CONF": str(configuration), "PATH": _PATH}
    environment = {**os.environ, **variables}
    munge = [f"--key-file={key}", f"--socket={folder}/munge.socket", "--foreground", "--force"]
    munge += [f"--{kind}-file={folder}/munge.{kind}" for kind in ("pid", "log", "seed")]
    with ExitStack() as stack:
        for log, command in (
            ("munged", ["munged", *munge]),
            ("slurmctld", ["slurmctld", "-D"]),
            ("n1", ["slurmd", "-D", "-N", "n1"]),
            ("n2", ["slurmd", "-D", "-N", "n2"]),
        ):
            output = stack.enter_context((folder / f"{log}.log").open("wb"))
            program = _find(command[0])
            assert program is not None
            daemon = subprocess.Popen(
                [program, *command[1:]], env=environment, stdout=output, stderr=output
            )
            stack.callback(daemon.wait, scaled(60))
            stack.callback(daemon.terminate)

        def state() -> str:
            command = ["sinfo", "--noheader", "--format=%T %D"]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            return done.stdout + done.stderr

        until(lambda: state() == "idle 2\n", 60, lambda: f"Slurm is not ready: {state()}")
        yield variables


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
