"""Checkpoints of real guests with start scripts like those of nixpkgs.

Those whose store is an image are saved and restored. The others are refused, in the tests of their shares
and of their TPM, since that changes nothing.
"""

import pytest
from charioteer.testing.errors import MachineError

from support import nix_system
from support.nix_machines import BUSY, NAMES, shares_of
from support.patience import deadline
from support.shared_machines import (
    BOOT_LIMIT,
    BUILD_LIMIT,
    SharedMachines,
    machines_of_configuration,
    short_folder,
)

pytestmark = [pytest.mark.limit(300), pytest.mark.nix_machines(store_image=True)]


def all_shares(machines: SharedMachines) -> dict[str, dict[str, list[str]]]:
    """The shares of each machine."""
    return {name: shares_of(machines[name]) for name in NAMES}


def expect_shares_to_work(machines: SharedMachines, word: str) -> None:
    """Files named `word` go through the shares and by copies, in both directions."""
    for name in NAMES:
        machine = machines[name]
        (machine.shared_dir / f"host-{word}").write_text("from the host")
        assert machine.succeed(f"cat /tmp/shared/host-{word}") == "from the host"
        machine.succeed(f"echo {name} > /tmp/xchg/{word}")
        assert (machine.state_dir / "xchg" / word).read_text() == f"{name}\n"
        source = machines.out / f"{name}-{word}"
        source.write_text(name)
        machine.copy_from_host(str(source), f"/root/{word}")
        machine.copy_from_machine(f"/root/{word}", f"copied-{name}")
        assert (machines.out / f"copied-{name}" / word).read_text() == name


def test_a_store_on_an_image_is_saved_and_restored(nix_machines: SharedMachines) -> None:
    alpha, beta, driver = nix_machines["alpha"], nix_machines["beta"], nix_machines.driver
    before = all_shares(nix_machines)
    assert list(before["alpha"]) == ["/tmp/shared", "/tmp/xchg"]
    store = "blkid -s LABEL -o value $(findmnt -no SOURCE /nix/.ro-store)"
    assert alpha.succeed(store) == "nix-store\n"
    alpha.wait_until_succeeds("ping -c 1 -W 2 beta")
    for machine in (alpha, beta):
        machine.succeed("echo before | tee /root/note /nix/store/note")

    driver.checkpoint("before")
    assert all_shares(nix_machines) == before
    expect_shares_to_work(nix_machines, "saved")

    for machine in (alpha, beta):
        machine.succeed("echo after | tee /root/note /nix/store/note")
    driver.restore("before")
    for machine in (alpha, beta):
        assert machine.succeed("cat /root/note /nix/store/note") == "before\nbefore\n"
    assert all_shares(nix_machines) == before
    expect_shares_to_work(nix_machines, "restored")
    alpha.wait_until_succeeds("ping -c 1 -W 2 beta")


def test_a_read_only_store_image_is_saved_and_restored() -> None:
    with short_folder() as folder:
        with deadline(BUILD_LIMIT):
            configuration = nix_system.write(folder, ["gamma"], read_only_store_image=True)
        with machines_of_configuration(
            folder, configuration, CHARIOTEER_CHECKPOINTS=str(folder / "checkpoints")
        ) as made:
            gamma, driver = made["gamma"], made.driver
            with deadline(BOOT_LIMIT):
                gamma.connect()
            assert gamma.succeed("findmnt -no FSTYPE /nix/store") == "erofs\n"
            read = "sha256sum /nix/store/*/init /nix/store/*/initrd"
            before = gamma.succeed(f"echo before > /root/note; {read}")
            driver.checkpoint("before")
            gamma.succeed("echo after > /root/note")
            driver.restore("before")
            # Not from the page cache, whose content was saved with the guest.
            gamma.succeed("echo 3 > /proc/sys/vm/drop_caches")
            assert gamma.succeed(f"cat /root/note; {read}") == f"before\n{before}"
            gamma.fail("touch /nix/store/new")


def test_a_busy_share_is_named_and_mounted_as_before(nix_machines: SharedMachines) -> None:
    alpha, driver = nix_machines["alpha"], nix_machines.driver
    before = all_shares(nix_machines)
    alpha.succeed(BUSY)
    with pytest.raises(MachineError, match=r"alpha: .*used by sleep \(pid \d+\)"):
        driver.checkpoint("busy")
    assert all_shares(nix_machines) == before
    expect_shares_to_work(nix_machines, "busy")
    assert "busy" not in driver.checkpoints()
    alpha.succeed("systemctl stop busy")
    driver.checkpoint("idle")
