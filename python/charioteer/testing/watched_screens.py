"""Takes pictures of the machines' screens while a page shows the run (`charioteer watch`)."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from charioteer.report import screens
from charioteer.testing.checkpoints.unrecorded import unrecorded
from charioteer.testing.machine import QemuMachine

_LOOK_EVERY = 1.0
_PAUSE = 3.0
"""Seconds between two pictures of a machine."""
_SHARE = 10
"""How much longer than taking the pictures the pause after that is at least."""
_END_LIMIT = 2.0

Machines = Callable[[], Sequence[QemuMachine]]


@contextmanager
def taken(run: Path, machines: Machines) -> Generator[None, None, None]:
    """Within the block, pictures are taken when the server of the page wants some.

    `run`: the output directory. `machines`: gives those of which there may be pictures; those that are
    off, or have no screen, are left out. Guests do not notice it.
    """
    with suppress(OSError):  # such as a full disk, for which a run does not fail
        screens.offer(run)
    end = threading.Event()
    thread = threading.Thread(target=_take_all, args=(run, machines, end), daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        # It may wait for a QEMU that does not answer, and ends with it.
        thread.join(_END_LIMIT)
        screens.withdraw(run)


def _take_all(run: Path, machines: Machines, end: threading.Event) -> None:
    pause = _LOOK_EVERY
    while not end.wait(pause):
        pause = _LOOK_EVERY
        if screens.are_wanted(run):
            begin = time.monotonic()
            for machine in machines():
                _take(machine, screens.path_of(run, machine.name))
            pause = max(_PAUSE, _SHARE * (time.monotonic() - begin))


def _take(machine: QemuMachine, target: Path) -> None:
    partial = target.with_suffix(".part")
    try:
        with unrecorded():
            machine.handle.screenshot(str(partial))
        partial.chmod(0o600)
        partial.replace(target)
    except Exception:  # it is off, it has no screen, or the run ends
        target.unlink(missing_ok=True)
