"""What a trace costs: 2,000 commands with and without one, on one guest."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from charioteer.testing.logger import CompositeLogger, TerminalLogger, TraceLogger
from charioteer.testing.machine import QemuMachine

import guest
from figures import Figure, compare

_COMMANDS = 2000
_BLOCK = 50


def overhead() -> Figure:
    """`succeed("true")`; blocks of commands with and without a trace alternate, and the figures are
    the medians of the blocks.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _quiet_log():
        folder = Path(name)
        machine = QemuMachine(folder, folder, guest.start_script("minimal", folder), _logger())
        try:
            machine.succeed("true")
            plain, traced = machine.logger, _logger(folder / "trace.jsonl")
            with_trace: list[float] = []
            without: list[float] = []
            for _ in range(_COMMANDS // _BLOCK):
                for logger, times in ((plain, without), (traced, with_trace)):
                    machine.logger = logger
                    times.append(_block(machine))
        finally:
            machine.release()
    return compare("trace_overhead", with_trace, without, "ms")


def _block(machine: QemuMachine) -> float:
    """The time of a block, in milliseconds for each command."""
    began = time.perf_counter()
    for _ in range(_BLOCK):
        machine.succeed("true")
    return (time.perf_counter() - began) * 1000 / _BLOCK


def _logger(trace: Path | None = None) -> CompositeLogger:
    logger = CompositeLogger([TerminalLogger()])
    if trace is not None:
        logger.add_logger(TraceLogger(trace))
    return logger


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    """Within the block standard error goes to /dev/null, unless $BENCH_VERBOSE is set."""
    if "BENCH_VERBOSE" in os.environ:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
