"""The start script of a machine on another host: its connections there, as if QEMU ran here.

ssh carries QEMU's sockets and the frames of its VLANs. The console is the standard output of ssh. QMP
passes through this program, since QEMU writes pictures into files there.
"""

import asyncio
import json
import os
import secrets
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charioteer.hosts import connection
from charioteer.hosts.hosts_file import Host
from charioteer.hosts.login import LoginFailed, Session, Turns, log_in

_LISTENING = ("monitor", "shell", "agent")
"""The sockets of the state directory on which the driver listens."""
_PASSED = ("QEMU_OPTS", "QEMU_NET_OPTS", "QEMU_KERNEL_PARAMS", "USE_TMPDIR")
"""Variables that the start script there gets from the environment here."""
LOST_FILE = "lost"
"""The file in the state directory with the reason for which there is no connection any more."""
LOSS_FILE = "lost.new"
"""Becomes that file. It exists as soon as the connection has ended: finding the reason takes time."""
_END_LIMIT = 12.0
"""Seconds for QEMU to end on the other host after the end of its input."""
_PICTURE_LIMIT = 1 << 28
"""Bytes of one screenshot; a larger one is none."""
_LINE_LIMIT = 1 << 26
"""Bytes of one QMP message at most."""


@dataclass(frozen=True)
class FarMachine:
    """What is known of a machine before its start.

    `folder` is its folder on the host, `script` the text of the start script there.
    """

    name: str
    host: Host
    folder: str
    script: str

    def save(self, path: Path) -> None:
        host = self.host
        fields = {"name": self.name, "folder": self.folder, "script": self.script}
        path.write_text(json.dumps({**fields, "host": host.name, "ssh": host.ssh}))

    @classmethod
    def load(cls, path: Path) -> "FarMachine":
        fields = json.loads(path.read_text())
        host = Host(fields["host"], tuple(fields["ssh"]))
        return cls(fields["name"], host, fields["folder"], fields["script"])


class Start:
    """The names and paths of one start."""

    def __init__(self, machine: FarMachine, words: list[str], environment: dict[str, str]) -> None:
        self.state = Path(environment["TMPDIR"])
        # New for each start: sshd does not replace sockets that an earlier one has left.
        suffix = secrets.token_hex(3)
        self.token = secrets.token_hex(16)
        far = {name: f"{machine.folder}/{name}-{suffix}" for name in (*_LISTENING, "qmp", "files")}
        vlans = {
            name.rpartition("_")[2]: path
            for name, path in environment.items()
            if name.startswith("CHARIOTEER_VLAN_SOCKET_")
        }
        for name in (LOST_FILE, LOSS_FILE):
            (self.state / name).unlink(missing_ok=True)
        self.qmp = self.state / "qmp"
        self.far_qmp = self.state / "qmp.far"
        self.far_files = self.state / "files.far"
        forwards = [f"-R{far[name]}:{self.state / name}" for name in _LISTENING]
        forwards += [f"-R{machine.folder}/vlan{nr}-{suffix}:{path}" for nr, path in vlans.items()]
        forwards += [f"-L{self.far_qmp}:{far['qmp']}", f"-L{self.far_files}:{far['files']}"]
        self.command = connection.command(machine.host, forwards)
        far_vlans = {nr: f"{machine.folder}/vlan{nr}-{suffix}" for nr in vlans}
        given = {name: environment[name] for name in _PASSED if name in environment}
        header = {
            "mode": "machine",
            "silence": connection.SILENCE,
            "token": self.token,
            "folder": machine.folder,
            "script": machine.script,
            "files": far["files"],
            "forwarded": [*(far[name] for name in _LISTENING), *far_vlans.values()],
            "sockets": [*far.values(), *far_vlans.values()],
            "words": self._far_words(words, machine.folder, far),
            "environment": {
                **given,
                "TMPDIR": machine.folder,
                **{f"CHARIOTEER_VLAN_SOCKET_{nr}": path for nr, path in far_vlans.items()},
            },
        }
        self.input = connection.program() + json.dumps(header).encode() + b"\n"

    def announce_loss(self, host: str) -> None:
        """Lets the driver wait for the reason, which report_loss() writes."""
        (self.state / LOSS_FILE).write_text(f"the host {host} was lost")

    def report_loss(self, reason: str) -> int:
        """Writes to the driver why the machine has ended; returns the exit status for that."""
        (self.state / LOSS_FILE).write_text(reason)
        (self.state / LOSS_FILE).rename(self.state / LOST_FILE)
        print(f"charioteer: {reason}", flush=True)
        return connection.LOST

    def _far_words(self, words: list[str], folder: str, far: dict[str, str]) -> list[str]:
        """The arguments of QEMU with the paths there."""
        for name in (*_LISTENING, "qmp"):
            words = [word.replace(str(self.state / name), far[name]) for word in words]
        words = [word.replace(str(self.state), folder) for word in words]
        return words if "-nographic" in words else [*words, "-nographic"]


class Qmp:
    """One connection of the driver to QEMU's QMP."""

    def __init__(self, machine: FarMachine, start: Start) -> None:
        self._machine = machine
        self._start = start
        self._pictures: dict[str, Path] = {}
        """The files here of the pictures that QEMU writes, by the ids of the requests."""

    async def serve(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        try:
            far, far_out = await asyncio.open_unix_connection(
                str(self._start.far_qmp), limit=_LINE_LIMIT
            )
        except OSError:
            near_out.close()
            return
        to_far = asyncio.create_task(self._pass_requests(near, near_out, far_out))
        try:
            while line := await far.readline():
                await self._fetch(line)
                near_out.write(line)
                await near_out.drain()
        except (OSError, ValueError):
            pass  # the driver has closed it, or a line is too long
        finally:
            to_far.cancel()
            near_out.close()
            far_out.close()

    async def _pass_requests(
        self,
        near: asyncio.StreamReader,
        near_out: asyncio.StreamWriter,
        far_out: asyncio.StreamWriter,
    ) -> None:
        try:
            while line := await near.readline():
                if b'"query-migrate"' in line:
                    near_out.write(self._no_checkpoint(_parsed(line)))
                    continue
                far_out.write(self._far_request(line) if b'"screendump"' in line else line)
                await far_out.drain()
        except (OSError, ValueError):
            pass  # QEMU has closed it, or a line is too long
        finally:
            far_out.close()

    def _far_request(self, line: bytes) -> bytes:
        request = _parsed(line)
        arguments = request.get("arguments", {})
        if request.get("execute") != "screendump" or "filename" not in arguments:
            return line
        path = Path(arguments["filename"])
        self._pictures[json.dumps(request.get("id"))] = path
        arguments["filename"] = f"{self._machine.folder}/{path.name}"
        return json.dumps(request).encode() + b"\n"

    async def _fetch(self, line: bytes) -> None:
        """Gets the picture of which this is the answer, if it is one."""
        if not self._pictures:
            return
        reply = _parsed(line)
        path = self._pictures.pop(json.dumps(reply.get("id")), None) if "id" in reply else None
        if path is None or "return" not in reply:
            return
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._start.far_files))
            writer.write(f"{path.name}\n".encode())
            with path.open("wb") as file:
                left = _PICTURE_LIMIT
                while left > 0 and (piece := await reader.read(min(left, 1 << 16))):
                    file.write(piece)
                    left -= len(piece)
            writer.close()
            if left == 0 or left == _PICTURE_LIMIT:
                path.unlink()
        except OSError:
            pass  # the driver reports that there is no picture

    def _no_checkpoint(self, request: dict[str, Any]) -> bytes:
        why = f"Charioteer: it runs on the host {self._machine.host.name}"
        reply = {"return": {"blocked-reasons": [why]}}
        if "id" in request:
            reply["id"] = request["id"]
        return json.dumps(reply).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Any]:
    """A message of QMP; an empty one for what is none, which the driver reports."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Console:
    """The output of the start script there, up to the line that ends it."""

    def __init__(self, token: str) -> None:
        self._end = f"\0{token}:".encode()
        self._held = b""
        self.status: int | None = None
        """That of the start script; None before its end."""

    def feed(self, piece: bytes) -> bytes:
        """What is to be shown now. Bytes that may begin the last line are held back."""
        self._held += piece
        shown, end, rest = self._held.partition(self._end)
        if end:
            number, newline, _ = rest.partition(b"\n")
            self._held = end + rest
            if newline:
                self.status = int(number)
            return shown
        begin = self._held.rfind(b"\0")
        if begin < 0 or not self._end.startswith(self._held[begin:]):
            begin = len(self._held)
        shown, self._held = self._held[:begin], self._held[begin:]
        return shown


async def relay(machine: FarMachine, start: Start, turns: Turns) -> int:
    """Runs the machine; its exit status."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ending.set)

    async def serve(near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        await Qmp(machine, start).serve(near, near_out)

    start.qmp.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, str(start.qmp), limit=_LINE_LIMIT)
    asked = asyncio.create_task(ending.wait())
    login = asyncio.create_task(log_in(machine.host.name, start.command, start.input, turns))
    await asyncio.wait([login, asked], return_when=asyncio.FIRST_COMPLETED)
    if not login.done():
        login.cancel()
        await asyncio.wait([login])
        return 128 + signal.SIGTERM
    try:
        session = login.result()
    except LoginFailed as error:
        return start.report_loss(str(error))
    tasks = [
        asyncio.create_task(_pass_console(session.input)),
        asyncio.create_task(_beat(session.input)),
    ]
    console = Console(start.token)
    ended = asyncio.create_task(_show(session, console))
    await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    if not ended.done():
        # The other side ends QEMU when its input ends.
        session.input.close()
        await asyncio.wait([ended], timeout=_END_LIMIT)
    server.close()
    if console.status is not None or ending.is_set():
        session.kill()
        return 128 + signal.SIGTERM if console.status is None else console.status
    start.announce_loss(machine.host.name)
    status, errors = await session.end()
    return start.report_loss(connection.reason(machine.host.name, status, errors))


async def _show(session: Session, console: Console) -> None:
    """Shows the output of the other host until its end."""
    piece = session.begun
    while True:
        sys.stdout.buffer.write(console.feed(piece))
        sys.stdout.buffer.flush()
        if console.status is not None or not (piece := await session.output.read(1 << 16)):
            return


async def _pass_console(out: asyncio.StreamWriter) -> None:
    """Standard input, in frames."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while piece := await reader.read(1 << 14):
        out.write(len(piece).to_bytes(4, "big") + piece)
        await out.drain()


async def _beat(out: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(connection.HEARTBEAT)
        out.write(bytes(4))


def main() -> int:
    machine = FarMachine.load(Path(sys.argv[1]))
    turns = Turns(Path(sys.argv[1]).parent, machine.host.name)
    return asyncio.run(relay(machine, Start(machine, sys.argv[2:], dict(os.environ)), turns))


if __name__ == "__main__":
    # Not as usual: a thread that reads standard input would be waited for.
    status = main()
    sys.stdout.flush()
    os._exit(status)
