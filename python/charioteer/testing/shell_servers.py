"""Finds the shell servers of all drivers on this host.

A driver listens in the state directory of each machine. Linux lists all listening sockets, so that
no registry is needed, which would be wrong after a driver was killed.
"""

import os
import re
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from charioteer.errors import InputError, ShellUnavailable

SOCKET_NAME = "terminal"
"""The name of the socket in a machine's state directory."""

_SOCKETS = Path("/proc/net/unix")
_LISTENING = 0x10000
_PATH = re.compile(r"/vm-state-(?P<machine>[^/]+)/" + SOCKET_NAME + "$")
_CONNECT_LIMIT = 1.0
"""Seconds. A driver takes a connection at once; another program may listen at such a path and never do
so."""


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
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_CONNECT_LIMIT)
        connection.connect(str(path))
        connection.settimeout(None)
        _, user = _listener(connection)
        if os.geteuid() not in (0, user) and user != 0:
            raise ShellUnavailable(f"{path} belongs to another user")
    except OSError as error:
        connection.close()
        raise ShellUnavailable(f"{path}: {error.strerror or error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _listener(connection: socket.socket) -> tuple[int, int]:
    """Process id and user id of the peer."""
    credentials = struct.Struct("iII")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    pid, user, _ = credentials.unpack(raw)
    return pid, user


def all_servers() -> list[ShellServer]:
    """The servers of this user's running machines, by name; for root those of all users."""
    found = {}
    for line in _SOCKETS.read_text(errors="surrogateescape").splitlines()[1:]:
        # Num RefCount Protocol Flags Type St Inode Path
        fields = line.split(maxsplit=7)
        match = _PATH.search(fields[7]) if len(fields) == 8 else None
        if match is None or not int(fields[3], 16) & _LISTENING:
            continue
        path = Path(fields[7])
        try:
            with connect(path) as connection:
                found[path] = ShellServer(match["machine"], _listener(connection)[0], path)
        except ShellUnavailable:
            continue  # it has just closed, or is another user's
    return sorted(found.values())


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
