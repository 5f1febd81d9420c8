"""The page of a running test, as a server on loopback gives it to browsers."""

import asyncio
import math
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from charioteer.errors import InputError
from charioteer.report import page, screens
from charioteer.trace import records

if TYPE_CHECKING:
    from aiohttp import web

_SHARE = 5
"""How much longer than making the data the pause after that is, so that the run is not slowed."""
# The page makes no requests but those for the data and the files of the run.
_OF_FILES = {
    # Files are of guests: they must not act as pages of this server.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
_LAST_LOOK = 3
"""Seconds for which a server that is to stop waits, so that open pages get the result of the run."""
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class LiveRun:
    """The data of a run, made again when its trace has grown. One event loop."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the output directory of the run. Its trace may not exist yet."""
        self.folder = folder
        self.version = 0
        """Counts how often the data was made."""
        self.has_ended = False
        """Whether the data has the result of the run."""
        self._data = ""
        self._size = -1
        self._next = 0.0
        self._lock = asyncio.Lock()

    async def data(self) -> str:
        """The data as JSON; empty while there is no trace. Raises OSError, InputError."""
        async with self._lock:
            size = _size_of(self.folder / records.FILE_NAME)
            if size > 0 and size != self._size and time.monotonic() >= self._next:
                began = time.monotonic()
                self._data, status = await asyncio.to_thread(page.data_of, self.folder)
                self.has_ended = status != "unfinished"
                now = time.monotonic()
                self._next = now + _SHARE * (now - began)
                self._size = size
                self.version += 1
        return self._data


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _has_result(file: Path) -> bool:
    """Whether the trace of a run that has ended is complete: its last record is the result."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, _size_of(file) - (64 << 10)))
            return opened.read().rstrip().rpartition(b"\n")[2].startswith(b'{"kind":"result"')
    except OSError:
        return False


class LiveServer:
    """Serves the page below an address with a random token."""

    def __init__(self, folder: Path) -> None:
        self._run = LiveRun(folder)
        self._token = secrets.token_urlsafe(24)
        self._last_request = -math.inf
        self._has_shown_end = False

    async def serve(self, port: int, stop: asyncio.Event, show: Callable[[str], None]) -> None:
        """Serves on loopback until `stop` is set; `show` gets the address first.

        `port` 0 is any that is free. Raises OSError for a port that cannot be used.
        """
        from aiohttp import web

        application = web.Application()
        base = f"/{self._token}/"
        application.router.add_get(base, self._page)
        application.router.add_get(base + "data.json", self._data)
        application.router.add_get(base + "screens.json", self._screens)
        application.router.add_get(base + "{name:.+}", self._file)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            host, bound = runner.addresses[0][:2]
            show(f"http://{host}:{bound}{base}")
            await stop.wait()
            await self._show_end()
        finally:
            await runner.cleanup()

    async def _show_end(self) -> None:
        """Waits until an open page of a run that has ended has its result."""
        end = time.monotonic() + _LAST_LOOK
        while not self._has_shown_end and time.monotonic() < end:
            is_open = time.monotonic() - self._last_request < _LAST_LOOK
            if not is_open or not _has_result(self._run.folder / records.FILE_NAME):
                return
            await asyncio.sleep(0.05)

    async def _page(self, _request: "web.Request") -> "web.Response":
        from aiohttp import web

        text = await asyncio.to_thread(page.render_live, self._run.folder)
        return web.Response(body=text, content_type="text/html", charset="utf-8", headers=_HEADERS)

    async def _data(self, request: "web.Request") -> "web.Response":
        from aiohttp import web

        self._last_request = time.monotonic()
        try:
            data = await self._run.data()
        except (OSError, InputError) as error:
            return web.Response(status=503, text=str(error), headers=_HEADERS)
        version = str(self._run.version)
        if not data or request.query.get("after") == version:
            return web.Response(status=204, headers=_HEADERS)
        self._has_shown_end = self._run.has_ended
        headers = {**_HEADERS, "X-Version": version}
        return web.Response(text=data, content_type="application/json", headers=headers)

    async def _screens(self, _request: "web.Request") -> "web.Response":
        """The pictures that there are of machines; the run takes others while pages ask for them."""
        from aiohttp import web

        try:
            screens.want(self._run.folder)
        except OSError as error:
            return web.Response(status=503, text=str(error), headers=_HEADERS)
        found = [
            {"machine": machine, "href": f"./{screens.FOLDER}/{quote(machine)}.png?{version}"}
            for machine, version in sorted(screens.versions(self._run.folder).items())
        ]
        return web.json_response(found, headers=_HEADERS)

    async def _file(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        folder = self._run.folder.resolve()
        file = (folder / request.match_info["name"]).resolve()
        if not file.is_relative_to(folder) or not file.is_file():
            raise web.HTTPNotFound()
        return web.FileResponse(file, headers={**_HEADERS, **_OF_FILES})
