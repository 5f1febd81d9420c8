"""Programs on another host, over ssh."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from charioteer.hosts.hosts_file import Host

SILENCE = 60.0
"""Seconds without a sign of the driver after which its machines on another host end."""
HEARTBEAT = 5.0
"""Seconds between two signs of the driver."""
LOST = 255
"""The exit status of ssh when there is no connection, or when it was lost."""

_OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=15",
    # Three times without an answer: the connection is lost after 30 s.
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "ExitOnForwardFailure=yes",
    "StreamLocalBindUnlink=yes",
    # Faster than ssh's own choice on processors that have AES, as nearly all have.
    "Ciphers=^aes128-gcm@openssh.com",
    "ControlMaster=no",
    # Frames of a shared connection would come from the process that has made it, not from that of
    # the machine (docs/bridge.md).
    "ControlPath=none",
    "ForwardX11=no",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "LogLevel=ERROR",
)

_BOOT = """\
import os
code = b""
while len(code) < {size}:
    got = os.read(0, {size} - len(code))
    if not got: os._exit(1)
    code += got
exec(compile(code, "charioteer", "exec"), {{"__name__": "__main__"}})
"""


def program() -> bytes:
    """What is to be sent first to the standard input of `command`."""
    return (Path(__file__).parent / "remote.py").read_bytes()


def command(host: Host, forwards: Sequence[str] = ()) -> list[str]:
    """Runs program() on the host; `forwards` are more options of ssh."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    boot = _BOOT.format(size=len(program()))
    return [
        *("ssh", "-T", *options, *forwards, *host.ssh),
        f"exec python3 -c {shlex.quote(boot)}",
    ]


def reason(host: str, status: int, errors: str) -> str:
    """Why a program there has ended: "the host b was lost: Connection refused"."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    last = lines[-1] if lines else f"ssh has ended with status {status}"
    if status == LOST:
        return f"the host {host} was lost: {last}"
    if status == 127:
        return f"the host {host} has no python3: {last}"
    return f"a program on the host {host} has ended with status {status}: {last}"
