"""The nodes of a Slurm allocation as hosts.

`srun` starts sshd on a node, for this run and its user only, so that nodes need no ssh logins, and
all processes belong to the job.
"""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from charioteer.errors import InputError
from charioteer.hosts.hosts_file import Host

_LIMIT = 30
"""Seconds for `scontrol` and `ssh-keygen`."""
_ALIAS = "charioteer"
"""The name of all nodes in the file of known hosts: they have the same key, made for this run."""

_CONNECT = """\
#!/bin/sh
# Connects the standard streams to sshd on the node $1.
CHARIOTEER_HOST_KEY=$(cat {folder}/host_key)
CHARIOTEER_USER_KEY=$(cat {folder}/user_key.pub)
export CHARIOTEER_HOST_KEY CHARIOTEER_USER_KEY
# When the node is lost, ssh sends SIGHUP and waits for the end, which srun delays by half a minute.
# $! is set as soon as srun has been started; before, there is nothing to end.
trap '[ -z "$!" ] || kill -HUP $!; exit 129' HUP
# Otherwise its input would be /dev/null.
exec 3<&0
srun --overlap --nodes=1 --ntasks=1 --cpu-bind=none --mem=0 --export=ALL --nodelist="$1" \\
    --quiet --unbuffered sh -c {script} <&3 3<&- &
exec 3<&- <&- >&-
wait $!
"""

# Keys are variables, since arguments can be read by all users of a node.
_SSHD = """\
umask 077
folder=$(mktemp -d) || exit 1
printf '%s\\n' "$CHARIOTEER_HOST_KEY" > "$folder/host_key"
printf '%s\\n' "$CHARIOTEER_USER_KEY" > "$folder/user_key.pub"
unset CHARIOTEER_HOST_KEY CHARIOTEER_USER_KEY
PATH=$PATH:/usr/sbin:/sbin
sshd=$(command -v sshd) || { echo "sshd is not installed on $(hostname)" >&2; rm -r "$folder"; exit 1; }
trap : TERM HUP INT
"$sshd" -i -f /dev/null -o HostKey="$folder/host_key" -o AuthorizedKeysFile="$folder/user_key.pub" \\
    -o StrictModes=no -o UsePAM=no -o PidFile=none -o LogLevel=ERROR \\
    -o "SetEnv=\\"TMPDIR=${TMPDIR:-/tmp}\\""
rm -r "$folder"
"""


@contextmanager
def allocated(environment: Mapping[str, str] = os.environ) -> Iterator[list[Host]]:
    """The nodes of the allocation of this process, and what connects to them within the block.

    The node on which this runs is this host. Raises InputError outside an allocation, and if a
    program fails.
    """
    listed = environment.get("SLURM_JOB_NODELIST")
    if not listed:
        raise InputError("--hosts slurm: there is no SLURM_JOB_NODELIST; use it in an allocation")
    nodes = _output("scontrol", "show", "hostnames", listed).split()
    memory = _memory(environment)
    with tempfile.TemporaryDirectory(prefix="charioteer-slurm-") as name:
        folder = Path(name)
        for key in ("host_key", "user_key"):
            _output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
        known = f"{_ALIAS} {(folder / 'host_key.pub').read_text()}"
        (folder / "known_hosts").write_text(known)
        connect = folder / "connect"
        connect.write_text(_CONNECT.format(folder=shlex.quote(name), script=shlex.quote(_SSHD)))
        connect.chmod(0o700)
        here = environment.get("SLURMD_NODENAME")
        yield [Host(node, () if node == here else _ssh(folder, node), memory) for node in nodes]


def _memory(environment: Mapping[str, str]) -> int | None:
    """MB that the job may use on each node; None: what is free there."""
    of_node = environment.get("SLURM_MEM_PER_NODE", "")
    # 0: all of the node.
    if of_node.isdecimal() and int(of_node) > 0:
        return int(of_node)
    of_processor = environment.get("SLURM_MEM_PER_CPU", "")
    # "4(x2),2": two nodes with four, then one with two.
    counts = re.findall(r"(\d+)(?:\(x\d+\))?", environment.get("SLURM_JOB_CPUS_PER_NODE", ""))
    if of_processor.isdecimal() and int(of_processor) > 0 and counts:
        return int(of_processor) * min(map(int, counts))
    return None


def _ssh(folder: Path, node: str) -> tuple[str, ...]:
    options = [
        f"ProxyCommand={shlex.quote(str(folder / 'connect'))} {shlex.quote(node)}",
        f"UserKnownHostsFile={folder / 'known_hosts'}",
        f"HostKeyAlias={_ALIAS}",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
    ]
    words = [word for option in options for word in ("-o", option)]
    return ("-F", "none", "-i", str(folder / "user_key"), *words, node)


def _output(*command: str) -> str:
    """What a program prints. Raises InputError when it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=_LIMIT,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise InputError(f"--hosts slurm: {command[0]}: {str(detail).strip()}") from error
    return done.stdout
