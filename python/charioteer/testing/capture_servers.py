"""Finds the VLANs of all drivers on this host whose frames can be followed.

A driver listens in the control directory of each VLAN.
"""

import re
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from charioteer.errors import InputError
from charioteer.testing import run_sockets, shell_servers

ANSWER_LIMIT = 1.0
"""Seconds for a driver to say which machines it has, unless the caller gives another limit."""
_PIECE = 1 << 16
_PATH = re.compile(r"/vde(?P<number>\d+)\.ctl/capture$")


@dataclass(order=True)
class CaptureServer:
    """The capture server of one VLAN; `pid` is the process id of its driver."""

    number: int
    pid: int
    path: Path = field(compare=False)

    @property
    def vlan(self) -> str:
        return f"vlan{self.number}"

    def __str__(self) -> str:
        return f"{self.vlan}@{self.pid}"

    def machines(self, limit: float = ANSWER_LIMIT) -> list[str]:
        """The machines and containers that have had a network card on the VLAN.

        Empty when the driver does not answer within `limit`, in seconds.
        """
        answer = b""
        end = time.monotonic() + limit
        try:
            with run_sockets.connect(self.path) as connection:
                connection.sendall(b"?\n")
                while (left := end - time.monotonic()) > 0:
                    connection.settimeout(left)
                    piece = connection.recv(_PIECE)
                    if not piece:
                        return answer.decode(errors="replace").splitlines()
                    answer += piece
        except OSError:
            pass
        return []


@dataclass
class Source:
    """What is to be captured: some VLANs of one driver."""

    servers: list[CaptureServer]
    machine: str = ""
    """Only what concerns this machine; empty: everything."""

    def connect(self) -> list[socket.socket]:
        """Connections from which capture files can be read that grow. Raises OSError."""
        connections = []
        for each in self.servers:
            connection = run_sockets.connect(each.path)
            connection.sendall(self.machine.encode() + b"\n")
            connections.append(connection)
        return connections


def all_servers() -> list[CaptureServer]:
    """The servers of this user's running drivers, by VLAN; for root those of all users."""
    found = run_sockets.listening(_PATH)
    return sorted(CaptureServer(int(match["number"]), pid, path) for match, path, pid in found)


def find(name: str) -> Source:
    """The VLAN, machine or container with this name, NAME or NAME@PID. Raises InputError."""
    servers = all_servers()
    sources = {str(each): Source([each]) for each in servers}
    # Containers have no shell server, and a machine that was just started no card yet.
    machines = {(each.machine, each.pid) for each in shell_servers.all_servers()}
    machines |= {(machine, each.pid) for each in servers for machine in each.machines()}
    for machine, pid in sorted(machines):
        of_driver = [each for each in servers if each.pid == pid]
        sources.setdefault(f"{machine}@{pid}", Source(of_driver, machine))
    matching = [each for each in sources if name in (each, each.rpartition("@")[0])]
    if len(matching) == 1:
        return sources[matching[0]]
    if matching:
        raise InputError(f"several VLANs or machines are named {name}: {', '.join(matching)}")
    running = f"running are {', '.join(sources)}" if sources else "none is running"
    raise InputError(f"no running VLAN or machine is called {name}; {running}")
