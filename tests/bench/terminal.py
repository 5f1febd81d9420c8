"""What the live view costs: 2,000 commands with it and with the log, on one guest and a terminal."""

import contextlib
import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from charioteer.style import style_for
from charioteer.testing.live.display import Display
from charioteer.testing.live.lines import Lines
from charioteer.testing.live.logger import LiveLogger
from charioteer.testing.live.model import Model
from charioteer.testing.logger import CompositeLogger, TerminalLogger
from charioteer.testing.machine import QemuMachine

import guest
from figures import Figure

_COMMANDS = 2000
_BLOCK = 50


def overhead() -> Figure:
    """The processor time of the driver's process for `succeed("true")`; blocks of commands with the
    live view and with the log alternate.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _terminal():
        folder = Path(name)
        log = CompositeLogger([TerminalLogger()])
        view = LiveLogger(Model(["machine"]), Lines(style_for(), 8))
        live = CompositeLogger([view])
        machine = QemuMachine(folder, folder, guest.start_script("minimal", folder), log)
        spent = {log: 0.0, live: 0.0}
        try:
            machine.succeed("true")
            for _ in range(_COMMANDS // _BLOCK):
                spent[log] += _block(machine, log)
                with Display(view, style_for(), live.collect):
                    spent[live] += _block(machine, live)
                live.reporter.viewed, view.verbose = True, False
        finally:
            machine.release()
    each = {logger: seconds * 1000 / _COMMANDS for logger, seconds in spent.items()}
    return Figure("live_view_overhead", each[live], each[log], "ms CPU")


def _block(machine: QemuMachine, logger: CompositeLogger) -> float:
    """The processor time of a block, in seconds."""
    machine.logger = logger
    logger.reporter.flush()
    began = time.process_time()
    for _ in range(_BLOCK):
        machine.succeed("true")
    logger.reporter.flush()
    return time.process_time() - began


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """Within the block standard error is a terminal, which another process reads."""
    master, slave = pty.openpty()
    with subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL) as reader:
        os.close(master)
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(slave, 2)
        os.close(slave)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            reader.kill()
