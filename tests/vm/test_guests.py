"""Devices of guests: disks, power button, suspend, serial console.

The path of the run's folder contains characters that are special for a shell, QEMU and mount.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from charioteer.testing.machine import QemuMachine

from support.patience import deadline, scaled
from support.shared_machines import BOOT_LIMIT, SharedMachines, machines_of_cluster

CLUSTER = """
name = "guests"

[machines.small]
guest = "minimal"
disks = [24, 16]

[machines.large]
guest = "debian"
disks = [16]
"""
pytestmark = pytest.mark.limit(300)


@pytest.fixture(scope="module")
def machines() -> Iterator[SharedMachines]:
    with machines_of_cluster(CLUSTER, odd_path=True) as made:
        with deadline(BOOT_LIMIT):
            made["small"].start(allow_reboot=True)
            made["large"].start()
            made["small"].connect()
            made["large"].connect()
        yield made


@pytest.fixture
def small(machines: SharedMachines) -> QemuMachine:
    return machines["small"]


@pytest.fixture
def large(machines: SharedMachines) -> QemuMachine:
    return machines["large"]


def test_a_guest_without_a_root_disk_has_the_disks_of_its_machine(small: QemuMachine) -> None:
    sizes = small.succeed("cat /sys/class/block/vda/size /sys/class/block/vdb/size").split()
    assert sizes == [str(24 * 2048), str(16 * 2048)]
    small.succeed("mkdir /disk && mke2fs -q /dev/vda && mount -t ext4 /dev/vda /disk")
    assert small.succeed("cat /sys/class/block/vdb/serial") == "empty1"


def test_the_disks_of_a_machine_follow_the_root_disk(large: QemuMachine) -> None:
    assert large.succeed("cat /sys/class/block/vdb/size") == f"{16 * 2048}\n"


def test_machines_reach_each_other_in_a_folder_with_special_characters(small: QemuMachine) -> None:
    small.wait_until_succeeds("ping -c 1 -W 2 large")


def test_files_and_screenshots_in_a_folder_with_special_characters(
    machines: SharedMachines, small: QemuMachine
) -> None:
    small.copy_from_machine("/etc/hostname", "it's 5% of, \xfc")
    assert (machines.out / "it's 5% of, \xfc/hostname").read_text() == "small\n"
    small.screenshot("shot")
    assert (machines.out / "shot.png").is_file()


def test_a_guest_that_was_suspended_to_memory_wakes_up(small: QemuMachine) -> None:
    boot = small.succeed("cat /proc/sys/kernel/random/boot_id")
    suspend = (
        "(echo mem > /sys/power/state; cat /proc/sys/kernel/random/boot_id; echo I am awake)"
        " > /dev/ttyS0 2>&1 &"
    )
    # The command may return only after the guest has woken up.
    with ThreadPoolExecutor(1) as pool:
        suspending = pool.submit(small.succeed, suspend)
        small.wait_for_qmp_event(
            lambda event: bool(event["event"] == "SUSPEND"), timeout=scaled(60)
        )
        small.send_monitor_command("system_wakeup")
        suspending.result()
    small.wait_for_console_text("I am awake", timeout=scaled(60))
    assert boot.strip() in small.get_console_log()


def test_the_console_shows_why_a_unit_failed(large: QemuMachine) -> None:
    large.wait_for_unit("multi-user.target")
    large.fail("systemd-run --wait --unit=broken sh -c 'echo the disk is damaged >&2; exit 3'")
    # One wait, because a wait consumes the lines that it has read; the two lines come in any order.
    written, exited = "the disk is damaged", "broken.service: Main process exited.*status=3"
    large.wait_for_console_text(f"(?s){written}.*{exited}|{exited}.*{written}", timeout=scaled(60))


def test_the_power_button_powers_a_guest_with_systemd_off(large: QemuMachine) -> None:
    large.wait_for_unit("multi-user.target")
    large.send_monitor_command("system_powerdown")
    large.wait_for_shutdown(timeout=scaled(120))
    assert not large.booted
