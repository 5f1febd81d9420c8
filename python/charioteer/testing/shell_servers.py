"""Finds the shell servers of all drivers on this host.

A driver listens in the state directory of each machine.
"""

import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

from charioteer.errors import InputError, ShellUnavailable
from charioteer.testing import run_sockets

SOCKET_NAME = "terminal"
"""The name of the socket in a machine's state directory."""

_PATH = re.compile(r"/vm-state-(?P<machine>[^/]+)/" + SOCKET_NAME + "$")


@dataclass(order=True)
class ShellServer:
    """The shell server of one machine; `pid` is the process id of its driver."""

    machine: str
    pid: int
    path: Path = field(compare=False)

    def __str__(self) -> str:
        return f"{self.machine}@{self.pid}"


def connect(path: Path) -> socket.socket:
    """A connection to the shell server at `path`.

    Raises ShellUnavailable when nothing listens there, or another user's program does.
    """
    try:
        return run_sockets.connect(path)
    except OSError as error:
        raise ShellUnavailable(f"{path}: {error.strerror}") from error


def all_servers() -> list[ShellServer]:
    """The servers of this user's running machines, by name; for root those of all users."""
    found = run_sockets.listening(_PATH)
    return sorted(ShellServer(match["machine"], pid, path) for match, path, pid in found)


def find(name: str) -> ShellServer:
    """The server of the machine with this name, MACHINE or MACHINE@PID. Raises InputError."""
    servers = all_servers()
    matching = [each for each in servers if name in (each.machine, str(each))]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(f"several machines are named {name}: {_listed(matching)}")
    running = f"running are {_listed(servers)}" if servers else "none is running"
    raise InputError(f"no running machine is called {name}; {running}")


def _listed(servers: list[ShellServer]) -> str:
    return ", ".join(map(str, servers))
