"""Machines that are shared by the tests of this folder."""

import re
from collections.abc import Callable, Iterator

import pytest
from test_driver.machine import QemuMachine

from support.patience import deadline
from support.team import BOOT_LIMIT, Team, show_terminal, team

PAIR = """
[machines.alpha]
guest = "minimal"
[machines.beta]
guest = "minimal"
[machines.spare]
guest = "minimal"
vlans = []
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
def pair() -> Iterator[Team]:
    """`alpha` and `beta`, two running minimal guests, and `spare`, which is not started."""
    with team(PAIR) as made:
        with deadline(BOOT_LIMIT):
            for name in ("alpha", "beta"):
                made[name].start()
            for name in ("alpha", "beta"):
                made[name].connect()
        yield made


@pytest.fixture
def alpha(pair: Team) -> QemuMachine:
    return pair["alpha"]


@pytest.fixture(scope="session")
def systemd() -> Iterator[Team]:
    """`server`, a running Debian guest."""
    with team(SYSTEMD) as made:
        with deadline(BOOT_LIMIT):
            made["server"].wait_for_unit("multi-user.target")
        yield made


@pytest.fixture
def server(systemd: Team) -> QemuMachine:
    return systemd["server"]


ReadLog = Callable[[], str]


@pytest.fixture
def read_log(pair: Team, capfd: pytest.CaptureFixture[str]) -> ReadLog:
    """Returns the log of the driver of `pair` since the last call, without colours."""

    def since_the_last_call() -> str:
        pair.driver.logger.reporter.flush()
        return re.sub("\x1b\\[[0-9;]*m", "", capfd.readouterr().err)

    since_the_last_call()
    return since_the_last_call


@pytest.fixture(scope="session")
def desktops() -> Iterator[Team]:
    """`desk`, a guest whose screen shows an X server with a terminal."""
    with team(DESKTOP) as made:
        with deadline(BOOT_LIMIT):
            made["desk"].wait_for_x(timeout=BOOT_LIMIT)
            made["desk"].wait_for_window("Terminal")
            # The prompt: keys typed before it appears are lost.
            made["desk"].wait_for_text("root@desk")
        yield made


@pytest.fixture
def desk(desktops: Team) -> QemuMachine:
    """The desktop, whose screen shows the X server; its terminal has the keyboard."""
    show_terminal(desktops["desk"], 7)
    return desktops["desk"]
