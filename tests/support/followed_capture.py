"""`charioteer capture` beside a running test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.patience import until
from support.run import PROGRAMS


@contextmanager
def followed(machine: str, path: Path) -> Iterator[None]:
    """Within the block the program writes the frames of this machine or container to `path`.

    The machine is one of this process, with a card on VLAN 1. The block begins when the program does
    not miss any frame.
    """
    with path.open("wb") as file:
        command = [str(PROGRAMS / "charioteer"), "capture", f"{machine}@{os.getpid()}"]
        program = subprocess.Popen(command, stdout=file)
    try:
        card = f"{machine}.1".encode()
        until(lambda: card in path.read_bytes(), 60, lambda: f"{path} has no interface {card!r}")
        yield
    finally:
        program.terminate()
        program.wait()
