"""Guests to measure on."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import _core, cluster, configuration

from upstream import TwoTripShell

HERE = Path(__file__).resolve().parent


def write_configuration(source: Path, folder: Path) -> Path:
    """The driver configuration of a cluster, its images built if need be."""
    return configuration.write(cluster.load(source), folder)


@contextmanager
def running() -> Iterator[_core.Machine]:
    """A `minimal` guest whose root shell answers; ended when the block is left."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        config = _core.load_configuration(str(write_configuration(HERE / "cluster.toml", folder)))
        (shared := folder / "shared-xchg").mkdir()
        reporter = _core.Reporter(terminal="BENCH_VERBOSE" in os.environ)
        machine = _core.Machine(
            "guest", config.vms["guest"], str(folder / "vm-state-guest"), str(shared), reporter
        )
        try:
            machine.start()
            machine.connect()
            yield machine
        finally:
            machine.release()


@contextmanager
def two_trips(machine: _core.Machine) -> Iterator[TwoTripShell]:
    """The machine's root shell in the hands of the baseline."""
    shell = TwoTripShell(machine.attach_shell())
    try:
        yield shell
    finally:
        shell.close()
        machine.detach_shell()
