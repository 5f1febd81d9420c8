"""Copies to and from a guest without a shared folder, also of a malicious guest."""

import filecmp
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer.testing.errors import MachineError
from charioteer.testing.machine import QemuMachine

from support.patience import deadline, scaled
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

SIZE = 30_000_000
# Replaces a folder by a link to /etc and back, as fast as the guest can.
SWAPPING = """
mkdir -p /tmp/swapped/folder /tmp/swapped/content
echo inside > /tmp/swapped/content/passwd
echo inside > /tmp/swapped/folder/passwd
cd /tmp/swapped
while [ ! -e /tmp/enough ]; do
    mv folder aside; ln -s /etc folder; rm folder; mv aside folder
done
"""

pytestmark = pytest.mark.limit(300)


@pytest.fixture(scope="module")
def alone() -> Iterator[SharedMachines]:
    with machines_of_cluster('[machines.alpha]\nguest = "minimal"\nmemory = 512\n') as made:
        with deadline(BOOT_LIMIT):
            made["alpha"].start()
            made["alpha"].succeed("true")
        yield made


@pytest.fixture
def alpha(alone: SharedMachines) -> QemuMachine:
    return alone["alpha"]


def test_a_large_file_goes_in_and_comes_back(
    alpha: QemuMachine, alone: SharedMachines, folder: Path
) -> None:
    (folder / "large").write_bytes(os.urandom(SIZE))
    alpha.copy_from_host(str(folder / "large"), "/tmp/large")
    alpha.copy_from_machine("/tmp/large")
    assert filecmp.cmp(folder / "large", alone.out / "large", shallow=False)
    alpha.succeed("rm /tmp/large")


def test_modes_and_links_are_kept(alpha: QemuMachine, alone: SharedMachines, folder: Path) -> None:
    tree = folder / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below/program").write_text("#!/bin/sh\n")
    (tree / "below/program").chmod(0o751)
    (tree / "below").chmod(0o700)
    (tree / "link").symlink_to("below/program")
    (tree / "outside").symlink_to("/etc/hostname")
    alpha.copy_from_host(str(tree), "/tmp/tree")
    shown = alpha.succeed("cd /tmp/tree; stat -c '%a %U' below below/program; readlink link")
    assert shown.splitlines() == ["700 root", "751 root", "below/program"]
    # A link that leads out of the tree is copied as the file that it names.
    assert alpha.succeed("cat /tmp/tree/outside") == Path("/etc/hostname").read_text()
    alpha.copy_from_machine("/tmp/tree")
    back = alone.out / "tree"
    assert os.readlink(back / "link") == "below/program"
    assert (back / "below/program").stat().st_mode & 0o777 == 0o751


def test_a_failed_copy_leaves_the_old_file(alpha: QemuMachine, folder: Path) -> None:
    (folder / "large").write_bytes(bytes(SIZE))
    alpha.succeed("mkdir -p /tmp/small; mount -t tmpfs -o size=1m none /tmp/small")
    alpha.succeed("echo old > /tmp/small/large")
    with pytest.raises(MachineError, match="alpha: cannot copy .* no space left"):
        alpha.copy_from_host(str(folder / "large"), "/tmp/small/large")
    assert alpha.succeed("cat /tmp/small/large; ls -A /tmp/small") == "old\nlarge\n"
    alpha.succeed("umount /tmp/small")


def test_a_missing_source_is_named(alpha: QemuMachine) -> None:
    with pytest.raises(MachineError, match="alpha: cannot copy /nothing .*no such file"):
        alpha.copy_from_machine("/nothing")


def test_a_guest_that_swaps_links_cannot_read_host_files(
    alpha: QemuMachine, alone: SharedMachines
) -> None:
    copies: list[Path] = []
    with alpha.spawn(SWAPPING) as swapping:
        alpha.wait_for_file("/tmp/swapped/content/passwd")
        # A copy fails when an entry vanishes while it is read; at least one copy must succeed.
        for attempt in itertools.count():
            if attempt >= 10 and copies:
                break
            try:
                alpha.copy_from_machine("/tmp/swapped", f"swapped-{attempt}")
            except MachineError:
                continue
            copies.append(alone.out / f"swapped-{attempt}/swapped")
        alpha.succeed("touch /tmp/enough")
        swapping.wait(timeout=scaled(60))
    for copy in copies:
        for path in copy.rglob("*"):
            # A copied link stays a link; the file that it names must not have been read.
            if path.is_symlink() or path.is_dir():
                continue
            assert path.read_text() == "inside\n"
