"""`charioteer watch`: the page of a running test, in a browser."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer.errors import InputError
from charioteer.report.live import LiveServer

_PATIENCE = 8
"""Seconds until a server that does not end is killed."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.add_argument("run", type=Path, metavar="DIR", help="the output directory of the run")
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="of loopback (default: one that is free)"
    )
    # For `charioteer run --watch`: the server ends with the process that has the other end.
    parser.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Serves the page until Ctrl-C. Raises InputError, OSError."""
    if not options.run.is_dir():
        raise InputError(f"{options.run} is not a directory")
    asyncio.run(_serve(LiveServer(options.run), options.port, options.until_eof))
    return 0


@contextmanager
def beside(folder: Path) -> Iterator[None]:
    """Serves the page of the run that is the block, by a process of its own, which ends with it.

    Otherwise making the page would delay the run.
    """
    command = [sys.executable, "-m", "charioteer", "watch", str(folder), "--until-eof"]
    # In its own session, since Ctrl-C is for the run.
    server = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert server.stdin is not None
    try:
        yield
    finally:
        server.stdin.close()
        try:
            server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


async def _serve(server: LiveServer, port: int, until_eof: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def read_input() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    if until_eof:
        loop.add_reader(0, read_input)
    for number in (signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    await server.serve(port, stop, _show)


def _show(address: str) -> None:
    print(f"the run is at {address}", file=sys.stderr, flush=True)
