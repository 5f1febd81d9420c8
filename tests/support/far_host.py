"""Another host, as far as ssh is concerned: sshd with a connection that tests can cut."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
_PRIVILEGE_SEPARATION = Path("/run/sshd")


def why_no_sshd() -> str:
    """Why there is no sshd; empty if there is one."""
    return "" if SSHD else "openssh-server is not installed"


needs_sshd = pytest.mark.skipif(bool(why_no_sshd()), reason=why_no_sshd())


class FarHost:
    """A host called `name`, whose files are in `folder`.

    sshd is started for each connection, by ssh's ProxyCommand, so that no network is needed.
    """

    def __init__(self, folder: Path, name: str, variables: Mapping[str, str]) -> None:
        """`variables` are those of programs there."""
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        make_run_folder()
        key = make_keys(self.folder)
        own = {
            **variables,
            # Without the settings of the user's shell, which may start a version manager of Python.
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        self.words = " ".join(f'"{variable}={value}"' for variable, value in own.items())
        """The variables for sshd's SetEnv."""
        self._configuration = self.folder / "sshd_config"
        self._configuration.write_text(configuration(self.folder) + f"SetEnv {self.words}\n")
        self._connect = self.folder / "connect"
        self._connect.write_text(
            f"#!/bin/sh\n[ ! -e {shlex.quote(str(self._down))} ] || exit 1\n"
            f"exec socat - EXEC:'{SSHD} -i -f {self._configuration}'\n"
        )
        self._connect.chmod(0o755)
        self.ssh = f"{client_options(key)} -o 'ProxyCommand={self._connect}' {name}"

    @property
    def _down(self) -> Path:
        return self.folder / "down"

    @property
    def cut_command(self) -> str:
        """A shell command that does what cut() does."""
        return f"touch {shlex.quote(str(self._down))}; pkill -KILL -f '{self._connections}'"

    def cut(self) -> None:
        """Ends all connections, and refuses new ones."""
        subprocess.run(["sh", "-c", self.cut_command], check=False)

    @property
    def silence_command(self) -> str:
        """A shell command that stops sshd of all connections, until end_silence()."""
        connections = f"$(pgrep -f '{self._connections}')"
        stop = (
            f"pgrep -P $connection >> {shlex.quote(str(self._silent))}; pkill -STOP -P $connection"
        )
        return f"for connection in {connections}; do {stop}; done"

    def end_silence(self) -> None:
        """Continues sshd, which then ends, since its connections have ended."""
        if self._silent.exists():
            for process in self._silent.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGCONT)

    @property
    def _silent(self) -> Path:
        return self.folder / "silent"

    @property
    def _connections(self) -> str:
        """Matches the command lines of what connects ssh with sshd."""
        return f"^socat .*{self._configuration}"


def make_run_folder() -> None:
    """Makes the folder that sshd of root needs, as its service does."""
    if os.getuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)


def make_keys(folder: Path) -> Path:
    """Makes a key of the host and one of its user in `folder`; the latter's path."""
    for name in ("host_key", "user_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return folder / "user_key"


def configuration(folder: Path) -> str:
    """That of sshd, with the keys of make_keys()."""
    return (
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {folder}/user_key.pub\n"
        "StrictModes no\nUsePAM no\nPidFile none\nLogLevel ERROR\n"
    )


def client_options(key: Path) -> str:
    return (
        f"-F none -i {key} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no"
        " -o UserKnownHostsFile=/dev/null"
        # The default, against quantum computers, takes 0.1 s of processor time for each connection.
        " -o KexAlgorithms=curve25519-sha256"
    )


def write_hosts(file: Path, hosts: Mapping[str, str]) -> None:
    """A file of hosts: their ssh destinations by name, "" for this one."""
    tables = [
        f"[hosts.{name}]\nmemory = 8192\ncpus = 4\n"
        + (f'ssh = "{ssh}"\n' if ssh else "local = true\n")
        for name, ssh in hosts.items()
    ]
    file.write_text("\n".join(tables))
