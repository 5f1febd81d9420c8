"""Machines that the tests of this folder share."""

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
    """`alpha` and `beta`, two minimal guests that run, and `spare`, which does not."""
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
    """`server`, a Debian guest that runs."""
    with team(SYSTEMD) as made:
        with deadline(BOOT_LIMIT):
            made["server"].wait_for_unit("multi-user.target")
        yield made


@pytest.fixture
def server(systemd: Team) -> QemuMachine:
    return systemd["server"]


Told = Callable[[], str]


@pytest.fixture
def told(pair: Team, capfd: pytest.CaptureFixture[str]) -> Told:
    """What the driver of `pair` has told since the last call, without colours."""

    def since_the_last_call() -> str:
        pair.driver.logger.reporter.flush()
        return re.sub("\x1b\\[[0-9;]*m", "", capfd.readouterr().err)

    since_the_last_call()
    return since_the_last_call


@pytest.fixture(scope="session")
def desktops() -> Iterator[Team]:
    """`desk`, a guest with a screen, which shows an X server with a terminal."""
    with team(DESKTOP) as made:
        with deadline(BOOT_LIMIT):
            made["desk"].wait_for_x(timeout=BOOT_LIMIT)
            made["desk"].wait_for_window("Terminal")
            # The prompt: what is typed before it is there is lost.
            made["desk"].wait_for_text("root@desk")
        yield made


@pytest.fixture
def desk(desktops: Team) -> QemuMachine:
    """The desktop with its terminal on the screen, ready for what is typed."""
    show_terminal(desktops["desk"], 7)
    return desktops["desk"]
