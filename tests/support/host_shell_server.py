"""A machine's shell server whose shells run on this host, without a guest."""

import os
import subprocess
from pathlib import Path

from charioteer.testing import shell_servers

from support.patience import scaled
from support.run import PROGRAMS

_BUILD = PROGRAMS.parent
_SERVER = _BUILD / "tests/fakes/host_shell_server"
_AGENT = _BUILD / f"python/charioteer/charioteer-agent-{os.uname().machine}"


class HostShellServer:
    """Listens in `state`, a state directory `vm-state-NAME`; creates it if missing."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.name = state.name.removeprefix("vm-state-")
        state.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [_SERVER, _AGENT, state / shell_servers.SOCKET_NAME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout and self.process.stdout.readline() == b"ready\n"

    def end(self) -> None:
        """Ends the process, if it still runs, and removes the socket."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(scaled(30))
        self.process.stdout.close()
        (self.state / shell_servers.SOCKET_NAME).unlink(missing_ok=True)
