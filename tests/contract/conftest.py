"""Machines that are shared by the tests of this folder."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_driver.machine import QemuMachine

from support.patience import deadline, scaled
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster, show_terminal

PAIR = """
[machines.alpha]
guest = "minimal"
[machines.beta]
guest = "minimal"
[machines.spare]
guest = "minimal"
vlans = []
disks = [16]
"""
SYSTEMD = """
[machines.server]
guest = "debian"
disks = [16]
"""
DESKTOP = """
[machines.desk]
guest = "desktop"
vlans = []
"""


@pytest.fixture(scope="session")
def pair() -> Iterator[SharedMachines]:
    """`alpha` and `beta`, two running minimal guests, and `spare`, which is not started."""
    with machines_of_cluster(PAIR) as made:
        with deadline(BOOT_LIMIT):
            for name in ("alpha", "beta"):
                made[name].start()
            for name in ("alpha", "beta"):
                made[name].connect()
        yield made


@pytest.fixture
def alpha(pair: SharedMachines) -> QemuMachine:
    return pair["alpha"]


@pytest.fixture(scope="session")
def systemd() -> Iterator[SharedMachines]:
    """`server`, a running Debian guest."""
    with machines_of_cluster(SYSTEMD) as made:
        with deadline(BOOT_LIMIT):
            made["server"].wait_for_unit("multi-user.target")
        yield made


@pytest.fixture
def server(systemd: SharedMachines) -> QemuMachine:
    return systemd["server"]


SHARED_MACHINES = ("pair", "systemd", "desktops")
"""The fixtures below whose machines take long to boot."""


# Before xdist reads the groups.
@pytest.hookimpl(tryfirst=True)  # type: ignore[misc]
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` of xdist: one worker runs all tests of the same machines.

    Otherwise each worker would boot machines of its own. Other tests stay with those of their file.
    """
    for item in items:
        if item.path.parent != Path(__file__).parent:
            continue
        used: list[str] = getattr(item, "fixturenames", [])
        machines = [each for each in SHARED_MACHINES if each in used]
        item.add_marker(pytest.mark.xdist_group(machines[0] if machines else item.path.name))


ReadLog = Callable[[], str]


@pytest.fixture
def read_log(pair: SharedMachines, capfd: pytest.CaptureFixture[str]) -> ReadLog:
    """Returns the log of the driver of `pair` since the last call, without colours."""

    def since_the_last_call() -> str:
        pair.driver.logger.reporter.flush()
        return re.sub("\x1b\\[[0-9;]*m", "", capfd.readouterr().err)

    since_the_last_call()
    return since_the_last_call


@pytest.fixture(scope="session")
def desktops() -> Iterator[SharedMachines]:
    """`desk`, a guest whose screen shows an X server with a terminal."""
    with machines_of_cluster(DESKTOP) as made:
        with deadline(BOOT_LIMIT):
            made["desk"].wait_for_x(timeout=scaled(BOOT_LIMIT))
            made["desk"].wait_for_window("Terminal")
            # The prompt: keys typed before it appears are lost.
            made["desk"].wait_for_text("root@desk")
        yield made


@pytest.fixture
def desk(desktops: SharedMachines) -> QemuMachine:
    """The desktop, whose screen shows the X server; its terminal has the keyboard."""
    show_terminal(desktops["desk"], 7)
    return desktops["desk"]
