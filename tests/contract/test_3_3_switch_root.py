"""Sections 3.3 and 4.2: from the root shell of the initramfs to that of the system."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_driver.machine import QemuMachine

from support import stage_one
from support.patience import deadline
from support.shared_machines import BOOT_LIMIT, machines_of_cluster

CLUSTER = """
[machines.staged]
guest = "debian"
vlans = []
"""


@pytest.fixture
def staged(folder: Path) -> Iterator[QemuMachine]:
    """A machine whose initramfs has systemd and a root shell, not started."""
    with machines_of_cluster(CLUSTER) as made:
        initrd = folder / "initrd"
        with deadline(BOOT_LIMIT):
            initrd.write_bytes(stage_one.make())
        variables = f"QEMU_OPTS={shlex.quote(f'-initrd {initrd}')} "
        variables += f"QEMU_KERNEL_PARAMS={shlex.quote(stage_one.KERNEL_PARAMETERS)} "
        command = variables + made["staged"].start_command
        machine = made.symbols["create_machine"](command, name="two-stages")
        assert isinstance(machine, QemuMachine)
        yield machine
        machine.release()


@pytest.mark.limit(2 * BOOT_LIMIT)
def test_3_3_switch_root_goes_from_the_first_stage_to_the_second(staged: QemuMachine) -> None:
    staged.start()
    staged.wait_for_unit("initrd.target")
    assert "first stage" in staged.succeed("cat /etc/initrd-release")
    assert staged.succeed("stat -f -c %T /").strip() in ("tmpfs", "ramfs")
    staged.succeed(
        "test -d /sysroot/usr/share", "touch /run/of-the-first-stage /of-the-first-stage"
    )
    staged.succeed("touch /sysroot/root/put-there-before")
    first_shell = staged.succeed("echo $PPID")

    staged.switch_root()

    assert staged.connected
    staged.fail("test -e /etc/initrd-release")
    staged.fail("test -e /of-the-first-stage")
    # systemd moves /run to the new root.
    staged.succeed("test -e /run/of-the-first-stage", "test -e /root/put-there-before")
    assert staged.succeed("findmnt -n -o SOURCE /").strip() == "/dev/vda"
    assert staged.succeed("echo $PPID") != first_shell
    assert staged.get_console_log().count("connecting to host...") == 2
    staged.crash()
