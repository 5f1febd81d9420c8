"""Guests to measure on."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charioteer import _core
from charioteer.cluster import configuration, definition

from upstream import UpstreamShell, UpstreamMachine

HERE = Path(__file__).resolve().parent


def write_configuration(source: Path, folder: Path) -> Path:
    """Writes the driver configuration of a cluster; builds missing images."""
    return configuration.write(definition.load(source), folder)


@contextmanager
def running(
    guest: str = "minimal", channel: str = "auto", **environment: str
) -> Iterator[_core.Machine]:
    """A guest whose root shell is ready; it is ended at the end of the block.

    `channel` is what $CHARIOTEER_CHANNEL can be; `environment` is for its start script.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        os.environ.update(environment, CHARIOTEER_CHANNEL=channel)
        script = start_script(guest, folder)
        (shared := folder / "shared-xchg").mkdir()
        reporter = _core.Reporter(terminal="BENCH_VERBOSE" in os.environ)
        machine = _core.Machine(
            "guest", script, str(folder / "vm-state-guest"), str(shared), reporter
        )
        try:
            machine.start()
            machine.connect()
            yield machine
        finally:
            machine.release()
            for variable in environment:
                del os.environ[variable]


def start_script(guest: str, folder: Path) -> str:
    """The start script of the guest `guest`; builds its image if it is missing."""
    (source := folder / "source").mkdir()
    (source / "cluster.toml").write_text(f'[machines.guest]\nguest = "{guest}"\nvlans = []\n')
    (source / "test.py").touch()
    return _core.load_configuration(str(write_configuration(source, folder))).vms["guest"]


@contextmanager
def running_as_upstream(guest: str = "minimal") -> Iterator[UpstreamMachine]:
    """A guest that the baseline runs, without Charioteer's driver."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        machine = UpstreamMachine(start_script(guest, folder), folder)
        try:
            yield machine
        finally:
            machine.release()


@contextmanager
def upstream_shell(machine: _core.Machine) -> Iterator[UpstreamShell]:
    """The baseline's protocol on the machine's root shell, within the block."""
    shell = UpstreamShell(machine.attach_shell())
    try:
        yield shell
    finally:
        shell.close()
        machine.detach_shell()
