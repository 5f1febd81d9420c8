"""Fixtures: the machines `alpha` and `beta` with start scripts in the shape of nixpkgs'."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.testing.errors import MachineError
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
# Type=exec: it returns when the program runs in that folder.
BUSY = "systemd-run --unit=busy -p Type=exec --working-directory=/tmp/shared sleep 100000"
"""A command that makes the shared folder busy, until the unit is stopped."""


@pytest.fixture(scope="module")
def nix_folder() -> Iterator[Path]:
    """The folder of the machines of a test file."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def nix_machines(request: pytest.FixtureRequest, nix_folder: Path) -> Iterator[SharedMachines]:
    """`alpha` and `beta`, running, with their checkpoints in the same folder.

    The file's mark `nix_machines` has keywords of `nix_system.write`, `channel`, the value of
    CHARIOTEER_CHANNEL, and `names`, if there are other machines.
    """
    mark = request.node.get_closest_marker("nix_machines")
    options = {} if mark is None else dict(mark.kwargs)
    changes = {"CHARIOTEER_CHECKPOINTS": str(nix_folder / "checkpoints")}
    names = options.pop("names", NAMES)
    if channel := options.pop("channel", None):
        changes["CHARIOTEER_CHANNEL"] = channel
    with deadline(BUILD_LIMIT):
        configuration = nix_system.write(nix_folder, names, **options)
    with machines_of_configuration(nix_folder, configuration, False, **changes) as made:
        with deadline(BOOT_LIMIT):
            for name in names:
                made[name].start(allow_reboot=True)
            for name in names:
                made[name].connect()
        yield made


@pytest.fixture
def alpha(nix_machines: SharedMachines) -> QemuMachine:
    return nix_machines["alpha"]


@pytest.fixture
def beta(nix_machines: SharedMachines) -> QemuMachine:
    return nix_machines["beta"]


def shares_of(machine: QemuMachine) -> dict[str, list[str]]:
    """Tag, folder, type and options of each mounted share of the host, by its folder."""
    lines = [line.split() for line in machine.succeed("cat /proc/mounts").splitlines()]
    return {line[1]: line for line in lines if line[2] in ("9p", "virtiofs")}


def expect_refused_checkpoint(machines: SharedMachines, reason: str) -> None:
    """Expects that no checkpoint can be made, for what `alpha` has, and that no share is unmounted."""
    alpha = machines["alpha"]
    # Otherwise the reason would be that the share cannot be unmounted.
    alpha.succeed(BUSY)
    before = shares_of(alpha)
    with pytest.raises(MachineError, match=f"QEMU cannot save alpha: .*{reason}"):
        machines.driver.checkpoint("refused")
    assert shares_of(alpha) == before
    assert alpha.succeed("cat /nix/store/*/init").startswith("#!/bin/sh")
    alpha.succeed("systemctl stop busy")
