"""Finds the sockets on which the drivers of this host listen for clients.

Linux lists all listening sockets, so that no registry is needed, which would be wrong after a driver
was killed.
"""

import errno
import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_SOCKETS = Path("/proc/net/unix")
_LISTENING = 0x10000
_CONNECT_LIMIT = 1.0
"""Seconds. A driver takes a connection at once; another program may listen at such a path and never do
so."""


def connect(path: Path) -> socket.socket:
    """A connection to the driver that listens at `path`.

    Raises OSError when nothing listens there, or another user's program does.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_CONNECT_LIMIT)
        connection.connect(str(path))
        connection.settimeout(None)
        _, user = _listener(connection)
        if os.geteuid() not in (0, user) and user != 0:
            raise PermissionError(errno.EPERM, "belongs to another user")
    except OSError as error:
        connection.close()
        # Errors of sockets have no file name, and a timeout has no number.
        reason = error.strerror or str(error)
        raise OSError(error.errno or errno.ETIMEDOUT, reason, str(path)) from error
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


def listening(pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], Path, int]]:
    """The sockets of this user's drivers whose paths match; for root those of all users.

    Yields the match, the path and the process id of the driver.
    """
    for path in dict.fromkeys(_listening_paths()):
        match = pattern.search(path)
        if match is None:
            continue
        try:
            with connect(Path(path)) as connection:
                yield match, Path(path), _listener(connection)[0]
        except OSError:
            continue  # it has just closed, or is another user's


def _listening_paths() -> Iterator[str]:
    for line in _SOCKETS.read_text(errors="surrogateescape").splitlines()[1:]:
        # Num RefCount Protocol Flags Type St Inode Path
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and int(fields[3], 16) & _LISTENING:
            yield fields[7]
