"""Two guests with a fault that a test plants, and the first screen of a failure that it causes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from charioteer import paths
from charioteer.testing.machine import QemuMachine

from support.first_screen import first_screen, observe_steps
from support.patience import deadline
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

CLUSTER = """
[machines.client]
guest = "diagnosed"
vlans = [1, 2]

[machines.server]
guest = "diagnosed"
vlans = [1, 2]

[machines.small]
guest = "minimal"
"""


@contextmanager
def with_guest(name: str, definition: Path) -> Iterator[None]:
    """Adds a guest to those of the project."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for each in paths.machines().iterdir():
            os.symlink(each, Path(folder) / each.name)
        os.symlink(definition, Path(folder) / name)
        patch.setattr(paths, "machines", lambda: Path(folder))
        yield


class Team:
    """The machines, and what the driver reports of a script that fails on them."""

    def __init__(self, machines: SharedMachines) -> None:
        self._machines = machines
        self.client = machines["client"]
        self.server = machines["server"]
        self.small = machines["small"]

    def first_screen(self, script: str) -> str:
        """What is shown after the script has failed."""
        return first_screen(self._machines, script)


@pytest.fixture(scope="session")
def booted() -> Iterator[SharedMachines]:
    """The machines after their boot, which is saved as the checkpoint `booted`."""
    with ExitStack() as opened:
        with with_guest("diagnosed", Path(__file__).parent / "guest"):
            made = opened.enter_context(machines_of_cluster(CLUSTER))
        observe_steps(made)
        with deadline(BOOT_LIMIT):
            made.driver.start_all()
            made["server"].wait_for_unit("multi-user.target")
            made["client"].wait_for_unit("multi-user.target")
            made["small"].succeed("true")
            made.driver.checkpoint("booted")
        yield made


@pytest.fixture(scope="module")
def team(booted: SharedMachines) -> Team:
    """All machines as after their boot; `small` only runs a kernel and a shell."""
    with deadline(BOOT_LIMIT):
        booted.driver.restore("booted")
    return Team(booted)


def add_unit(machine: QemuMachine, name: str, *lines: str) -> None:
    """Installs a unit, which is removed when the machines are restored."""
    text = "\\n".join(["[Service]", *lines])
    machine.succeed(f"printf '{text}\\n' > /run/systemd/system/{name}", "systemctl daemon-reload")
