"""Fixtures: the machines `alpha` and `beta` with start scripts in the shape of nixpkgs'."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.testing.machine import QemuMachine

from support import nix_system
from support.patience import deadline
from support.shared_machines import (
    BOOT_LIMIT,
    BUILD_LIMIT,
    SharedMachines,
    machines_of_configuration,
    short_folder,
)

NAMES = ("alpha", "beta")


@pytest.fixture(scope="module")
def nix_folder() -> Iterator[Path]:
    """The folder of the machines of a test file."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def nix_machines(request: pytest.FixtureRequest, nix_folder: Path) -> Iterator[SharedMachines]:
    """`alpha` and `beta`, running, with their checkpoints in the same folder.

    The file's mark `nix_machines` has keywords of `nix_system.write`, and `channel`, the value of
    CHARIOTEER_CHANNEL.
    """
    mark = request.node.get_closest_marker("nix_machines")
    options = {} if mark is None else dict(mark.kwargs)
    changes = {"CHARIOTEER_CHECKPOINTS": str(nix_folder / "checkpoints")}
    if channel := options.pop("channel", None):
        changes["CHARIOTEER_CHANNEL"] = channel
    with deadline(BUILD_LIMIT):
        configuration = nix_system.write(nix_folder, NAMES, **options)
    with machines_of_configuration(nix_folder, configuration, False, **changes) as made:
        with deadline(BOOT_LIMIT):
            for name in NAMES:
                made[name].start(allow_reboot=True)
            for name in NAMES:
                made[name].connect()
        yield made


@pytest.fixture
def alpha(nix_machines: SharedMachines) -> QemuMachine:
    return nix_machines["alpha"]


@pytest.fixture
def beta(nix_machines: SharedMachines) -> QemuMachine:
    return nix_machines["beta"]
