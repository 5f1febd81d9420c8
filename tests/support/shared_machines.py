"""Real machines in a driver of this process, which many tests share."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from charioteer.testing import Cluster, ClusterOptions
from charioteer.testing.config import load_driver_configuration
from charioteer.testing.driver import Driver
from charioteer.testing.logger import CompositeLogger, TerminalLogger
from charioteer.testing.machine import QemuMachine, retry

from support.leftovers import expect_nothing_left
from support.patience import deadline, scaled
from support.run import environment

BUILD_LIMIT = 1200
BOOT_LIMIT = 180


class SharedMachines:
    """The machines by name, the symbols of their test script, and the output directory."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.out = Path(driver.out_dir)
        self.symbols: dict[str, Any] = driver.test_symbols()
        self._machines = {machine.name: machine for machine in driver.machines}

    def __getitem__(self, name: str) -> QemuMachine:
        machine = self._machines[name]
        assert isinstance(machine, QemuMachine)
        return machine


# Characters with a special meaning in a shell, in options of QEMU, for mount or in URLs, and a
# character of two bytes.
_ODD = " \xfc,'%x$y:#"


@contextmanager
def machines_of_cluster(cluster: str, odd_path: bool = False) -> Iterator[SharedMachines]:
    """The machines of a cluster file with this text, not started. Fails if a process is left."""
    with short_folder(_ODD if odd_path else "") as folder:
        (folder / "cluster.toml").write_text(cluster)
        (folder / "run").mkdir(mode=0o700)
        options = ClusterOptions(
            output_directory=folder / "out", state_directory=folder / "run", diagnosis=False
        )
        loaded = Cluster.load(folder, options)
        # Checkpoints of tests neither stay in the user's cache nor remove others there.
        with _environment(CHARIOTEER_CHECKPOINTS=str(folder / "store")), ExitStack() as opened:
            with deadline(BUILD_LIMIT):
                opened.enter_context(loaded)
            yield SharedMachines(loaded.driver)
        expect_nothing_left(folder)


@contextmanager
def machines_of_configuration(
    folder: Path, configuration: Path, keep_machine_state: bool = False, **changes: str
) -> Iterator[SharedMachines]:
    """The machines of a driver configuration, not started, with their state in `folder`/run.

    `changes` apply to the environment until the end of the block. Fails if a process is left.
    """
    (folder / "out").mkdir(exist_ok=True)
    with _environment(XDG_RUNTIME_DIR=str(folder / "run"), **changes):
        logger = CompositeLogger([TerminalLogger()])
        with Driver(
            load_driver_configuration(configuration),
            folder / "out",
            logger,
            keep_machine_state=keep_machine_state,
        ) as driver:
            yield SharedMachines(driver)
    expect_nothing_left(folder)


@contextmanager
def _environment(**changes: str) -> Iterator[None]:
    """Within the block this process has the environment of runs, with `changes`."""
    outer = dict(os.environ)
    inner = environment(**changes)
    os.environ.clear()
    os.environ.update(inner)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(outer)


@contextmanager
def short_folder(suffix: str = "") -> Iterator[Path]:
    """A folder whose path is short enough for sockets. It is kept when the block raises."""
    folder = Path(tempfile.mkdtemp(prefix="charioteer-", suffix=suffix, dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def new_log(machine: QemuMachine, capfd: pytest.CaptureFixture[str]) -> str:
    """The log of the driver of `machine` since the last call, without colours."""
    machine.logger.reporter.flush()
    return re.sub("\x1b\\[[0-9;]*m", "", capfd.readouterr().err)


def show_terminal(machine: QemuMachine, number: int) -> None:
    """Presses ctrl-alt-F`number` until that terminal is shown; the first key may be lost."""

    def is_shown(_last_try: bool) -> bool:
        if machine.succeed("cat /sys/class/tty/tty0/active") == f"tty{number}\n":
            return True
        machine.send_key(f"ctrl-alt-f{number}")
        return False

    retry(is_shown, timeout=scaled(30))
