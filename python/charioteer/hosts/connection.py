"""Programs on another host, over ssh."""

import json
import os
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
    # What the settings of the user forward may be taken already. Whether the sockets of a machine are
    # there is looked at by the program there.
    "ExitOnForwardFailure=no",
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
    "RemoteCommand=none",
    # "Timeout, server b not responding." is of this level.
    "LogLevel=INFO",
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
_MODULES = ("remote_base", "remote_folder", "remote_machine", "remote")
"""In the order of their imports; the last one is run."""
_LOADER = """\
import sys, types
package = "{package}"
for name in ("charioteer", package):
    sys.modules[name] = types.ModuleType(name)
for name, text in {sources!r}.items():
    module = sys.modules[package + "." + name] = types.ModuleType(name)
    exec(compile(text, name + ".py", "exec"), module.__dict__)
module.run()
"""
_REFUSALS = ("kex_exchange_identification", "Connection reset by", "Connection closed by")
"""What ssh says when sshd has closed the connection before the login, as for MaxStartups."""
_LINES = 20
_LINE_SIZE = 1 << 12


class LastLines:
    """The last lines of a stream, each with a bounded length."""

    def __init__(self) -> None:
        self._lines: list[bytes] = [b""]

    def feed(self, piece: bytes) -> None:
        first, *more = piece.split(b"\n")
        joined = [*self._lines[:-1], self._lines[-1] + first, *more]
        self._lines = [line[-_LINE_SIZE:] for line in joined[-_LINES:]]

    @property
    def text(self) -> str:
        return b"\n".join(self._lines).decode(errors="replace")


def program() -> bytes:
    """What is to be sent first to the standard input of `command`."""
    folder = Path(__file__).parent
    sources = {name: (folder / f"{name}.py").read_text() for name in _MODULES}
    return _LOADER.format(package=__package__, sources=sources).encode()


def command(host: Host, forwards: Sequence[str] = ()) -> list[str]:
    """Runs program() on the host; `forwards` are more options of ssh."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    if not forwards:
        options += ["-o", "ClearAllForwardings=yes"]
    # One line, since csh refuses newlines within quotes.
    boot = f"exec({json.dumps(_BOOT.format(size=len(program())))})"
    return [
        *("ssh", "-T", *options, *forwards, *host.ssh),
        f"exec python3 -c {shlex.quote(boot)}",
    ]


def environment() -> dict[str, str]:
    """That of ssh. The ssh of a ProxyJump does not get its options, and must not ask either."""
    return {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}


def is_refused(status: int, errors: str) -> bool:
    """Whether sshd has closed the connection before the login, as one does that is busy."""
    return status == LOST and any(text in errors for text in _REFUSALS)


def reason(host: str, status: int, errors: str, *, was_reached: bool = True) -> str:
    """Why a program there has ended: "the host b was lost: Timeout, server b not responding."

    `was_reached`: whether that program had begun.
    """
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    last = lines[-1] if lines else f"ssh has ended with status {status}"
    if not was_reached and status == 127:
        return f"the host {host} has no python3: {last}"
    if not was_reached:
        return f"the host {host} cannot be reached: {last}"
    if status < 0 or (status == LOST and not lines):
        return f"the host {host} was lost: the program there has ended without a message"
    if status == LOST:
        return f"the host {host} was lost: {last}"
    return f"a program on the host {host} has ended with status {status}: {last}"
