"""The vsocks of the VMs: one `vhost-device-vsock` process, which the SSH backdoor uses."""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from charioteer import _core as core
from charioteer.testing.errors import MachineError

_PROGRAM = "vhost-device-vsock"
_FIRST_CID = 3  # those below are of hypervisor and host
_START_LIMIT = 30.0  # seconds until it listens
_END_LIMIT = 20.0  # seconds until it has ended, after SIGKILL


class VsockPair(NamedTuple):
    """The sockets for QEMU (`guest`) and for clients on the host, and the vsock address."""

    guest: Path
    host: Path
    cid: int


class VHostDeviceVsock:
    """Runs from its construction to `stop`, or to the death of the driver."""

    def __init__(self, tmp_dir: Path, machines: Iterable[str]) -> None:
        """Starts it for VMs of these names.

        Raises MachineError when the program is missing, cannot have its sockets in `tmp_dir`, ends at
        once or does not listen.
        """
        program = shutil.which(_PROGRAM)
        if program is None:
            raise MachineError(
                f"the SSH backdoor (enable_ssh_backdoor) needs {_PROGRAM}, which is not on PATH:"
                f" install it (cargo install --locked {_PROGRAM}) or switch the backdoor off"
            )
        if "," in str(tmp_dir):
            raise MachineError(
                f"the path {tmp_dir} has a comma, which {_PROGRAM} cannot take: set XDG_RUNTIME_DIR"
                " (or TMPDIR) to another folder, or switch the SSH backdoor off"
            )
        import tempfile  # costs some milliseconds

        self._folder = folder = Path(tempfile.mkdtemp(dir=tmp_dir))
        self._claim = core.ClaimedDirectory(str(folder))
        self.sockets = {
            name: VsockPair(folder / f"{name}_guest.socket", folder / f"{name}_host.socket", cid)
            for cid, name in enumerate(machines, start=_FIRST_CID)
        }
        self._process: core.Process | None = None
        if self.sockets:  # the program refuses to run for none
            try:
                self._start(program)
            except BaseException:
                self.stop()
                raise

    def _start(self, program: str) -> None:
        command = [program]
        for pair in self.sockets.values():
            address = f"guest-cid={pair.cid},socket={pair.guest},uds-path={pair.host}"
            command += ["--vm", address]
        environment = [f"{name}={value}" for name, value in os.environ.items()]
        self._process = core.spawn(command, environment, str(self._folder))
        deadline = time.monotonic() + _START_LIMIT
        while missing := [p.guest for p in self.sockets.values() if not p.guest.exists()]:
            status = self._process.poll()
            if status is not None:
                raise MachineError(
                    f"{_PROGRAM} ended with status {status} before it listened:"
                    f" {self._last_line()}"
                )
            if time.monotonic() > deadline:
                raise MachineError(
                    f"{_PROGRAM} does not listen on {missing[0]} after {_START_LIMIT:.0f} s:"
                    f" {self._last_line()}"
                )
            time.sleep(0.01)

    def _last_line(self) -> str:
        written = self._process.last_output().strip() if self._process else ""
        return written.splitlines()[-1] if written else "it wrote nothing"

    def stop(self) -> None:
        """Kills it and removes its sockets. Idempotent.

        Raises subprocess.TimeoutExpired when the kernel does not end it.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait(_END_LIMIT)
            self._process = None
        for pair in self.sockets.values():
            pair.guest.unlink(missing_ok=True)
            pair.host.unlink(missing_ok=True)
        self._claim.release()


def kernel_commands(names: Iterable[str], offset: int) -> dict[str, str]:
    """The commands for machines with vsocks of the host's kernel, whose addresses follow `offset`."""
    return {
        name: f"ssh -o User=root vsock/{address}" for address, name in enumerate(names, offset + 1)
    }


def hints(commands: dict[str, str]) -> str:
    """The text on how to log in, from the command for each machine."""
    if not commands:
        return "SSH backdoor enabled, but no machines defined"
    width = max(map(len, commands)) + 3  # a colon and two spaces
    return "\n".join(
        [
            "SSH backdoor enabled, the machines can be accessed like this:",
            f"{_bright('Note:')} vsocks require {_bright('systemd-ssh-proxy(1)')}"
            " to be enabled (default on NixOS 25.05 and newer).",
            *(f"    {f'{name}:':{width}}{_bright(cmd)}" for name, cmd in commands.items()),
        ]
    )


def _bright(text: str) -> str:
    return f"\033[1m{text}\033[0m"
