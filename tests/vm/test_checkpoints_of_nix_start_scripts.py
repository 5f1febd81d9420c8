"""Checkpoints of real guests with start scripts like those of nixpkgs.

Those whose store is an image are saved and restored. The others are refused, in the tests of their shares
and of their TPM, since that changes nothing.
"""

import pytest
from charioteer.testing.errors import MachineError
from charioteer.testing.machine import QemuMachine

from support.nix_machines import BUSY, NAMES, shares_of
from support.shared_machines import SharedMachines

pytestmark = [
    pytest.mark.limit(300),
    # That of alpha is an image, too, but with a layer that can be written.
    pytest.mark.nix_machines(store_image=True, read_only_stores=["beta"]),
]


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
    alpha.succeed("echo before | tee /root/note /nix/store/note")
    beta.succeed("echo before > /root/note")

    driver.checkpoint("before")
    assert all_shares(nix_machines) == before
    expect_shares_to_work(nix_machines, "saved")

    alpha.succeed("echo after | tee /root/note /nix/store/note")
    beta.succeed("echo after > /root/note")
    driver.restore("before")
    assert alpha.succeed("cat /root/note /nix/store/note") == "before\nbefore\n"
    assert beta.succeed("cat /root/note") == "before\n"
    assert all_shares(nix_machines) == before
    expect_shares_to_work(nix_machines, "restored")
    alpha.wait_until_succeeds("ping -c 1 -W 2 beta")


def test_a_read_only_store_image_is_saved_and_restored(
    beta: QemuMachine, nix_machines: SharedMachines
) -> None:
    assert beta.succeed("findmnt -no FSTYPE /nix/store") == "erofs\n"
    read = "sum /nix/store/*/init /nix/store/*/initrd"
    before = beta.succeed(f"echo before > /root/note; {read}")
    nix_machines.driver.checkpoint("read-only")
    beta.succeed("echo after > /root/note")
    nix_machines.driver.restore("read-only")
    # Not from the page cache, whose content was saved with the guest.
    beta.succeed("echo 3 > /proc/sys/vm/drop_caches")
    assert beta.succeed(f"cat /root/note; {read}") == f"before\n{before}"
    beta.fail("touch /nix/store/new")


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
