"""Devices of guests: disks, power button, suspend, serial console. Units of systemd: waits for them by
its signals, those of the system and of users.

The path of the run's folder contains characters that are special for a shell, QEMU and mount.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from charioteer._core import ShellError
from charioteer.testing import journal
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.logger import CompositeLogger, TraceLogger
from charioteer.testing.machine import QemuMachine
from charioteer.trace import records

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
UNITS = "~ada/.config/systemd/user"

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


@pytest.fixture(scope="module")
def server(machines: SharedMachines) -> QemuMachine:
    """`large` with the user `ada`, whose systemd runs and has the units `idle` and `bad`."""
    server = machines["large"]
    with deadline(BOOT_LIMIT):
        server.wait_for_unit("multi-user.target")
        server.succeed("useradd --create-home --shell /bin/bash ada", "loginctl enable-linger ada")
        server.wait_for_unit(f"user@{server.succeed('id -u ada').strip()}.service")
        server.succeed(
            f"mkdir -p {UNITS}",
            f"printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > {UNITS}/idle.service",
            f"printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' > {UNITS}/bad.service",
            "chown -R ada: ~ada",
        )
        assert server.systemctl("daemon-reload", "ada") == (0, "")
    return server


def test_a_unit_of_a_user_is_waited_for_without_polling(server: QemuMachine) -> None:
    assert server.systemctl("start --no-block idle.service", "ada") == (0, "")
    # Polling the state of a user's unit would need `su`.
    server.succeed("mount --bind /bin/false /bin/su")
    try:
        server.wait_for_unit("idle.service", "ada", timeout=scaled(60))
    finally:
        server.succeed("umount /bin/su")


def test_a_unit_of_a_user_that_fails(server: QemuMachine) -> None:
    server.systemctl("start --no-block bad.service", "ada")
    with pytest.raises(RequestedAssertionFailed) as failure:
        server.wait_for_unit("bad.service", "ada")
    assert str(failure.value) == 'unit "bad.service" reached state "failed"'


def test_a_user_that_does_not_exist(server: QemuMachine) -> None:
    with pytest.raises(RequestedAssertionFailed, match='unit "x" under user "nobody2"'):
        server.wait_for_unit("x", "nobody2")


def test_a_wait_survives_a_restart_of_systemd(server: QemuMachine) -> None:
    # The D-Bus connection of earlier waits ends at the restart.
    server.wait_for_unit("multi-user.target")
    server.systemctl("daemon-reexec")
    server.succeed("mount --bind /bin/false /bin/systemctl")
    try:
        server.wait_for_unit("multi-user.target", timeout=scaled(60))
    finally:
        server.succeed("umount /bin/systemctl")


def test_changes_of_units_are_recorded_once_a_wait_listens(
    server: QemuMachine, tmp_path: Path
) -> None:
    trace = TraceLogger(tmp_path / "trace.jsonl")
    assert isinstance(server.logger, CompositeLogger)
    server.logger.add_logger(trace)
    server.wait_for_unit("multi-user.target")
    server.execute("systemd-run --unit=brief --property=Type=oneshot /bin/false")
    with pytest.raises(RequestedAssertionFailed):
        server.wait_for_unit("brief.service")
    journal.record_all([server], server.logger, scaled(20))
    assert trace.close() == ""
    read = records.load(tmp_path)
    changes = [each["details"] for each in read.of_kind("state") if each["state"] == "unit"]
    of_unit = [each["active"] for each in changes if each.get("unit") == "brief.service"]
    # It may have been signalled as inactive before.
    assert of_unit[-2:] == [
        "activating",
        "failed",
    ]
    lines = [each for each in read.of_kind("journal") if each.get("unit") == "brief.service"]
    failed = next(each for each in lines if "Failed with result" in each["text"])
    (change,) = (
        each
        for each in read.of_kind("state")
        if each.get("details") == {"unit": "brief.service", "active": "failed", "sub": "failed"}
    )
    assert abs(failed["t"] - change["t"]) < scaled(5)


@pytest.fixture
def before_the_panic(machines: SharedMachines, server: QemuMachine) -> Iterator[None]:
    """Restores the machines after the test, which costs less than another boot."""
    machines.driver.checkpoint("before the panic")
    yield
    machines.driver.restore("before the panic")


@pytest.mark.usefixtures("before_the_panic")
def test_an_error_after_a_panic_names_the_unit(server: QemuMachine) -> None:
    server.succeed("systemd-run --no-block --unit=slow --property=Type=oneshot sleep infinity")
    crash = "echo 1 > /proc/sys/kernel/sysrq; sleep 1; echo c > /proc/sysrq-trigger"
    crasher = threading.Thread(target=lambda: server.execute(crash, check_output=False))
    crasher.start()
    try:
        with pytest.raises(ShellError, match="large: ") as failure:
            server.wait_for_unit("slow.service")
    finally:
        crasher.join(scaled(60))
    assert '"slow.service"' in "\n".join(failure.value.__notes__)


def test_the_power_button_powers_a_guest_with_systemd_off(large: QemuMachine) -> None:
    large.wait_for_unit("multi-user.target")
    large.send_monitor_command("system_powerdown")
    large.wait_for_shutdown(timeout=scaled(120))
    assert not large.booted
