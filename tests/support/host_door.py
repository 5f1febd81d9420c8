"""This host as a machine with a door: real shells, without a guest."""

import os
import subprocess
from pathlib import Path

from charioteer.testing import shell_servers

from support.patience import scaled
from support.run import PROGRAMS

_BUILD = PROGRAMS.parent
_DOOR = _BUILD / "tests/fakes/host_door"
_AGENT = _BUILD / f"python/charioteer/charioteer-agent-{os.uname().machine}"


class HostDoor:
    """The door is in `state`, the state directory `vm-state-NAME` of a machine, made if need be."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.name = state.name.removeprefix("vm-state-")
        state.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [_DOOR, _AGENT, state / shell_servers.SOCKET_NAME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout and self.process.stdout.readline() == b"ready\n"

    def end(self) -> None:
        """Closes it, also when it was killed."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(scaled(30))
        self.process.stdout.close()
        (self.state / shell_servers.SOCKET_NAME).unlink(missing_ok=True)
