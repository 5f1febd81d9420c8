"""Logins of the machines of one run on another host: few at once, since sshd refuses many."""

import asyncio
import fcntl
import os
import random
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from charioteer.hosts import connection
from charioteer.hosts.connection import LastLines
from charioteer.hosts.remote_base import HELLO

_AT_ONCE = 4
"""Logins of one run on one host. sshd refuses some from 10 on (MaxStartups), of all its users."""
_LIMIT = 10.0
"""Seconds in which a refused login is tried again."""
_PAUSES = (0.25, 2.0)
"""The first pause between two tries, and the longest, in seconds."""
_END_LIMIT = 2.0
"""Seconds for ssh to end after the program there has."""
_ERRORS_LIMIT = 0.2
"""Seconds for what ssh has written, when another process has its standard error open, too."""


class LoginFailed(Exception):
    """The program on the other host did not begin. The text names the host."""


class Session:
    """ssh with the program on the other host."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.input = process.stdin
        self.output = process.stdout
        self.begun = b""
        """What of the output has been read already."""
        self._errors = LastLines()
        self._reading = asyncio.create_task(self._read(process.stderr))

    @classmethod
    async def open(cls, command: Sequence[str], sent: bytes) -> "Session":
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=connection.environment(),
            start_new_session=True,
        )
        session = cls(process)
        session.input.write(sent)
        return session

    async def greeted(self) -> bool:
        """Waits until the program there has begun; False: ssh has ended before."""
        seen = b""
        while piece := await self.output.read(1 << 16):
            before, hello, self.begun = (seen + piece).partition(HELLO)
            if hello:
                return True
            # A login shell may have printed it.
            seen = before[-len(HELLO) :]
        return False

    async def end(self) -> tuple[int, str]:
        """Waits for the end of ssh, and ends it itself after a while; its status and errors."""
        self.input.close()
        waiting = asyncio.create_task(self.process.wait())
        await asyncio.wait([waiting], timeout=_END_LIMIT)
        if self.process.returncode is None:
            # It stays while it forwards connections.
            self.kill()
            await asyncio.wait([waiting], timeout=_END_LIMIT)
        await asyncio.wait([self._reading], timeout=_ERRORS_LIMIT)
        status = self.process.returncode
        return -9 if status is None else status, self._errors.text

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()

    async def _read(self, errors: asyncio.StreamReader) -> None:
        while piece := await errors.read(1 << 12):
            self._errors.feed(piece)


class Turns:
    """Locks of files that the relays of a run share, for the logins on one host."""

    def __init__(self, folder: Path, host: str) -> None:
        self._files = [folder / f"login-{host}-{number}" for number in range(_AT_ONCE)]

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        while (lock := self._lock()) is None:
            await asyncio.sleep(0.05)
        try:
            yield
        finally:
            os.close(lock)

    def _lock(self) -> int | None:
        for path in self._files:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                os.close(descriptor)
        return None


async def log_in(host: str, command: Sequence[str], sent: bytes, turns: Turns) -> Session:
    """The session of a program that has begun. Cancelled: ssh has ended. Raises LoginFailed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _LIMIT
    pause, longest = _PAUSES
    while True:
        async with turns.taken():
            session = await Session.open(command, sent)
            try:
                if await session.greeted():
                    return session
                status, errors = await session.end()
            except asyncio.CancelledError:
                session.kill()
                raise
        if not connection.is_refused(status, errors) or loop.time() >= end:
            raise LoginFailed(connection.reason(host, status, errors, was_reached=False))
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, longest)
