"""The machines of this host that one can visit, whichever driver runs them.

A driver listens in the state directory of each machine. Linux lists all sockets that are listened
to, so that there is nothing to register, and nothing of a driver that was killed.
"""

import os
import re
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from charioteer.errors import InputError, NoShell

NAME = "terminal"
"""Of the socket in a machine's state directory."""

_SOCKETS = Path("/proc/net/unix")
_LISTENING = 0x10000
_PATH = re.compile(r"/vm-state-(?P<machine>[^/]+)/" + NAME + "$")
_PATIENCE = 1.0
"""Seconds for whoever listens to take a connection. A driver's thread does so at once; anybody may
listen at such a path and never do it."""


@dataclass(order=True)
class Door:
    """Of one machine: `machine` is its name, `pid` that of its driver."""

    machine: str
    pid: int
    path: Path = field(compare=False)

    def __str__(self) -> str:
        return f"{self.machine}@{self.pid}"


def connect(path: Path) -> socket.socket:
    """A connection to the door at `path`. Raises NoShell when nobody, or another user, is there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_PATIENCE)
        connection.connect(str(path))
        connection.settimeout(None)
        _, user = _listener(connection)
        if os.geteuid() not in (0, user) and user != 0:
            raise NoShell(f"{path} belongs to another user")
    except OSError as error:
        connection.close()
        raise NoShell(f"{path}: {error.strerror or error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _listener(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end."""
    credentials = struct.Struct("iII")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    pid, user, _ = credentials.unpack(raw)
    return pid, user


def all_doors() -> list[Door]:
    """Those of machines that run and that we may visit, by name."""
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
                found[path] = Door(match["machine"], _listener(connection)[0], path)
        except NoShell:
            continue  # it has just closed, or is not for us
    return sorted(found.values())


def find(name: str) -> Door:
    """The door of the machine with this name, MACHINE or MACHINE@PID. Raises InputError."""
    doors = all_doors()
    matching = [door for door in doors if name in (door.machine, str(door))]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(f"several machines are named {name}: {_listed(matching)}")
    running = f"running are {_listed(doors)}" if doors else "none is running"
    raise InputError(f"no machine {name} that one could visit; {running}")


def _listed(doors: list[Door]) -> str:
    return ", ".join(map(str, doors))
