"""Real guests with start scripts like those of nixpkgs since August 2026, with shares by virtiofs.

Each shared folder has a daemon, which the script starts before QEMU and which accesses the guest's
memory. All other properties of such scripts are tested in test_nix_start_scripts.py.
"""

import signal
from pathlib import Path

import pytest
from charioteer.testing.machine import QemuMachine

from support import nix_system
from support.leftovers import expect_nothing_left, processes_of
from support.nix_machines import expect_refused_checkpoint
from support.patience import until
from support.shared_machines import SharedMachines
from support.testbed import Testbed

# Without an agent, so that copies use the shared folder.
pytestmark = [
    pytest.mark.limit(300),
    pytest.mark.nix_machines(names=["alpha"], shares="virtiofs", channel="plain"),
]


def daemons_of(state: Path) -> list[int]:
    """The virtiofsd processes of the machine with this state directory, their TMPDIR."""
    return [
        pid for pid, command in processes_of(state).items() if "virtiofsd" in command.split()[0]
    ]


def test_5_4_shares_are_mounted_by_virtiofs(alpha: QemuMachine) -> None:
    lines = [line.split() for line in alpha.succeed("cat /proc/mounts").splitlines()]
    assert {line[1]: line[0] for line in lines if line[2] == "virtiofs"} == {
        "/nix/.ro-store": "nix-store",
        "/tmp/shared": "shared",
        "/tmp/xchg": "xchg",
    }


def test_a_store_of_the_host_is_refused_by_checkpoints(nix_machines: SharedMachines) -> None:
    reason = r"virtiofs \(nix-store, shared, xchg\); .*useNixStoreImage = true.*mkForce"
    expect_refused_checkpoint(nix_machines, reason)


def test_5_2_folders_are_shared_as_by_9p(nix_folder: Path, alpha: QemuMachine) -> None:
    (alpha.shared_dir / "from-host").write_text("from the host")
    assert alpha.succeed("cat /tmp/shared/from-host") == "from the host"
    alpha.succeed("echo from alpha > /tmp/shared/from-alpha && echo mine > /tmp/xchg/note")
    assert (alpha.shared_dir / "from-alpha").read_text() == "from alpha\n"
    assert (alpha.state_dir / "xchg/note").read_text() == "mine\n"
    assert alpha.succeed("stat -c %u:%g /tmp/shared/from-alpha") == "0:0\n"
    alpha.fail("cat /tmp/shared/note")
    (nix_folder / "store/made-later").write_text("a build of the host")
    assert alpha.succeed("cat /nix/store/made-later") == "a build of the host"


def test_3_2_files_go_through_the_share_in_both_directions(
    nix_machines: SharedMachines, alpha: QemuMachine, folder: Path
) -> None:
    (folder / "tree/below").mkdir(parents=True)
    (folder / "tree/below/file").write_bytes(bytes(range(256)) * 64)
    alpha.copy_from_host(str(folder / "tree"), "/root/tree")
    alpha.copy_from_machine("/root/tree", "copied")
    copied = nix_machines.out / "copied/tree/below/file"
    assert copied.read_bytes() == (folder / "tree/below/file").read_bytes()
    assert not list(alpha.shared_dir.glob("tmp*"))


def test_5_4_daemons_end_and_restart_with_their_machine(alpha: QemuMachine) -> None:
    before = daemons_of(alpha.state_dir)
    assert len(before) == 3
    alpha.succeed("echo kept > /root/kept && sync")
    alpha.crash()
    until(lambda: not daemons_of(alpha.state_dir), 30, lambda: "daemons outlive a crash")
    alpha.start()
    assert alpha.succeed("cat /root/kept /tmp/xchg/note") == "kept\nmine\n"
    alpha.shutdown()
    until(lambda: not daemons_of(alpha.state_dir), 30, lambda: "daemons outlive a shutdown")


def test_5_4_daemons_end_with_a_driver_that_is_killed(testbed: Testbed) -> None:
    script = "gamma.start()\ndriver.join_all()\n"
    configuration = nix_system.write(testbed.folder, ["gamma"], script, shares="virtiofs")
    run = testbed.run_driver(configuration)
    # QEMU is connected to them then; they do not wait for the guest.
    run.wait_for("gamma: QEMU running", limit=180)
    assert len(daemons_of(testbed.state / "vm-state-gamma")) == 3
    run.send(signal.SIGKILL)
    run.expect(137)
    expect_nothing_left(testbed.folder)
