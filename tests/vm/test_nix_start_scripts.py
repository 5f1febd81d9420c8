"""Real guests with start scripts like those of nixpkgs, with shares by 9p.

`tests/support/nix_script.py` writes the scripts from the description in the contract (5.3 and 5.4).
The guests mount their shares and their root like NixOS.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from charioteer.testing.machine import QemuMachine

from support import nix_system
from support.nix_machines import expect_refused_checkpoint
from support.patience import deadline
from support.shared_machines import (
    BOOT_LIMIT,
    BUILD_LIMIT,
    SharedMachines,
    machines_of_configuration,
    short_folder,
)

pytestmark = pytest.mark.limit(300)


def test_5_4_the_driver_chooses_the_accelerator(alpha: QemuMachine) -> None:
    words = Path(f"/proc/{alpha.pid}/cmdline").read_text().split("\0")
    machine = [value for flag, value in zip(words, words[1:]) if flag == "-machine"]
    assert machine == ["accel=kvm:tcg", "memory-backend=mem0", "accel=tcg"]
    assert "enabled" not in alpha.send_monitor_command("info kvm")


def test_5_4_the_console_and_the_command_line_of_the_kernel(alpha: QemuMachine) -> None:
    words = alpha.succeed("cat /proc/cmdline").split()
    assert words[-2:] == ["console=ttyS0,115200n8", "console=tty0"]
    init = next(word for word in words if word.startswith("init=/nix/store/"))
    assert alpha.succeed(f"head -n 1 {init.removeprefix('init=')}") == "#!/bin/sh\n"
    # The serial console still goes to the driver.
    alpha.succeed("echo a line of the guest > /dev/ttyS0")
    alpha.wait_for_console_text("a line of the guest")


def test_5_3_the_disks_are_made_in_the_state_directory(alpha: QemuMachine) -> None:
    for name in ("alpha.qcow2", "empty0.qcow2"):
        assert (alpha.state_dir / name).is_file()
    assert alpha.succeed("cat /sys/class/block/vda/serial") == "root"
    assert alpha.succeed("blkid -s LABEL -o value /dev/vda") == "nixos\n"
    assert alpha.succeed("cat /sys/class/block/vdb/size") == f"{16 * 2048}\n"


def test_5_4_shares_are_mounted_by_9p(alpha: QemuMachine) -> None:
    lines = [line.split() for line in alpha.succeed("cat /proc/mounts").splitlines()]
    shares = {line[1]: line for line in lines if line[2] == "9p"}
    assert {folder: line[0] for folder, line in shares.items()} == {
        "/nix/.ro-store": "nix-store",
        "/tmp/shared": "shared",
        "/tmp/xchg": "xchg",
    }
    for _, _, _, options, *_ in shares.values():
        assert "trans=virtio" in options and "msize=16384" in options


def test_a_store_of_the_host_is_refused_by_checkpoints(nix_machines: SharedMachines) -> None:
    reason = r"its Nix store is mounted by 9p; .*useNixStoreImage = true"
    expect_refused_checkpoint(nix_machines, reason)


def test_5_2_the_shared_folder_is_common_to_all_machines(
    alpha: QemuMachine, beta: QemuMachine
) -> None:
    (alpha.shared_dir / "from-host").write_text("hello")
    assert alpha.succeed("cat /tmp/shared/from-host") == "hello"
    beta.succeed("echo from beta > /tmp/shared/from-beta")
    assert alpha.succeed("cat /tmp/shared/from-beta") == "from beta\n"
    assert (alpha.shared_dir / "from-beta").read_text() == "from beta\n"


def test_5_2_xchg_is_private_to_a_machine(alpha: QemuMachine, beta: QemuMachine) -> None:
    alpha.succeed("echo mine > /tmp/xchg/note")
    assert (alpha.state_dir / "xchg/note").read_text() == "mine\n"
    beta.fail("cat /tmp/xchg/note")


def test_5_4_the_guest_s_store_is_an_overlay_on_the_host_s(
    alpha: QemuMachine, nix_folder: Path
) -> None:
    (nix_folder / "store/made-later").write_text("a build of the host")
    assert alpha.succeed("cat /nix/store/made-later") == "a build of the host"
    alpha.succeed("echo changed > /nix/store/made-later")
    assert (nix_folder / "store/made-later").read_text() == "a build of the host"


def test_3_2_files_in_both_directions(
    nix_machines: SharedMachines, alpha: QemuMachine, folder: Path
) -> None:
    source = folder / "tree"
    (source / "below").mkdir(parents=True)
    (source / "below/file").write_bytes(bytes(range(256)) * 64)
    alpha.copy_from_host(str(source), "/root/tree")
    alpha.copy_from_host_via_shell(str(source / "below/file"), "/root/by-shell")
    alpha.succeed("cmp /root/tree/below/file /root/by-shell")
    alpha.copy_from_machine("/root/tree", "copied")
    copied = nix_machines.out / "copied/tree/below/file"
    assert copied.read_bytes() == (source / "below/file").read_bytes()


def test_5_6_the_first_interface_of_a_vlan_is_eth1(alpha: QemuMachine) -> None:
    assert alpha.succeed("cat /sys/class/net/eth1/address") == "52:54:00:12:01:01\n"
    network = alpha.send_monitor_command("info network")
    assert "virtio-net-pci.1: " in network and "type=vde" in network


def test_5_6_machines_reach_each_other_until_one_is_blocked(
    alpha: QemuMachine, beta: QemuMachine
) -> None:
    ping = "ping -c 1 -W 2 beta"
    alpha.wait_until_succeeds(ping)
    beta.wait_until_succeeds("ping -c 1 -W 2 2001:db8:1::1")
    alpha.block()
    alpha.fail(ping)
    # block() does not affect eth0, the user network.
    alpha.succeed("ping -c 1 -W 60 10.0.2.2")
    alpha.unblock()
    alpha.wait_until_succeeds(ping)


def test_3_3_a_screenshot_and_a_unit(nix_machines: SharedMachines, alpha: QemuMachine) -> None:
    alpha.wait_for_unit("multi-user.target")
    alpha.screenshot("screen")
    assert (nix_machines.out / "screen.png").read_bytes().startswith(b"\x89PNG")


def boots(machine: QemuMachine) -> str:
    return machine.succeed("cat /proc/sys/kernel/random/boot_id")


def test_4_5_a_reboot_by_keys_keeps_the_disk(alpha: QemuMachine) -> None:
    alpha.wait_for_unit("multi-user.target")
    before = boots(alpha)
    alpha.succeed("echo kept > /root/kept && sync")
    alpha.reboot()
    assert boots(alpha) != before
    assert alpha.succeed("cat /root/kept") == "kept\n"
    # No other test uses it, and its services would go on starting.
    alpha.crash()


def test_4_5_a_shutdown_and_a_start_keep_the_disk(beta: QemuMachine) -> None:
    # A crash and a start do, too: test_virtiofs_shares.py.
    before = boots(beta)
    beta.succeed("echo kept > /root/kept && sync")
    beta.shutdown()
    assert not beta.booted
    beta.start()
    assert beta.succeed("cat /root/kept") == "kept\n"
    assert boots(beta) != before
    beta.crash()
    assert not beta.booted


class RunsOfUser:
    """Runs of `alpha` with EFI firmware, and with a disk, a kernel, options and a TPM of the user."""

    def __init__(self, folder: Path) -> None:
        self.image = folder / "disk of mine.qcow2"
        self._folder = folder
        self._configuration = nix_system.write(folder, ["alpha"], efi=True)
        toplevel = next((folder / "store").iterdir())
        kernel = folder / "vmlinuz-mine"
        os.rename(toplevel / "kernel", kernel)
        self._variables = {
            "NIX_DISK_IMAGE": str(self.image),
            "NIXPKGS_QEMU_KERNEL_alpha": str(kernel),
            "QEMU_KERNEL_PARAMS": "of.the=user",
            "QEMU_NET_OPTS": "hostname=called",
            "CHARIOTEER_CHECKPOINTS": str(folder / "checkpoints"),
        }
        self._open = ExitStack()

    def start(self) -> SharedMachines:
        """Ends the run before, and starts another one with the machine's state of that one."""
        self.end()
        options = f"-device i6300esb {self._open.enter_context(emulated_tpm())}"
        variables = {**self._variables, "QEMU_OPTS": options}
        self.machines = self._open.enter_context(
            machines_of_configuration(
                self._folder, self._configuration, keep_machine_state=True, **variables
            )
        )
        with deadline(BOOT_LIMIT):
            self.machines["alpha"].connect()
        return self.machines

    def end(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def runs() -> Iterator[RunsOfUser]:
    with short_folder() as folder:
        with deadline(BUILD_LIMIT):
            made = RunsOfUser(folder)
        try:
            made.start()
            yield made
        finally:
            made.end()


@contextmanager
def emulated_tpm() -> Iterator[str]:
    """The options of QEMU for a TPM whose state a process of this block keeps."""
    with short_folder() as state:
        socket = state / "sock"
        emulator = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"]
        with subprocess.Popen([*emulator, "--ctrl", f"type=unixio,path={socket}"]) as swtpm:
            try:
                device = "-tpmdev emulator,id=tpm0,chardev=tpm -device tpm-tis,tpmdev=tpm0"
                yield f"-chardev socket,id=tpm,path={socket} {device}"
            finally:
                swtpm.terminate()


def test_5_3_another_kernel_and_efi_variables_of_the_user(runs: RunsOfUser) -> None:
    alpha = runs.machines["alpha"]
    assert "multi-user" in alpha.succeed("systemctl get-default")
    assert (alpha.state_dir / "alpha-efi-vars.fd").is_file()
    alpha.succeed("test -d /sys/firmware/efi")


def test_a_tpm_is_refused_by_checkpoints(runs: RunsOfUser) -> None:
    expect_refused_checkpoint(runs.machines, r"TPM, .*tpm.enable = false")


def test_5_3_options_of_the_user_come_before_those_of_the_driver(runs: RunsOfUser) -> None:
    alpha = runs.machines["alpha"]
    words = Path(f"/proc/{alpha.pid}/cmdline").read_text().split("\0")
    assert words.index("i6300esb") < words.index("-qmp")
    assert "user,id=user.0,hostname=called" in words
    parameters = alpha.succeed("cat /proc/cmdline").split()
    # The firmware's loader appends its own after it.
    assert parameters[parameters.index("console=tty0") + 1] == "of.the=user"


def test_5_3_a_disk_image_of_the_user_is_kept_between_runs(runs: RunsOfUser) -> None:
    alpha = runs.machines["alpha"]
    alpha.succeed("echo kept > /root/kept && touch /tmp/xchg/kept && sync")
    alpha.crash()
    assert runs.image.is_file() and not (alpha.state_dir / "alpha.qcow2").exists()
    again = runs.start()["alpha"]
    assert again.succeed("cat /root/kept; ls /tmp/xchg") == "kept\nkept\n"
