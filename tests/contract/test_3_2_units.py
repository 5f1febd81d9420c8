"""Sections 3.2, 3.3, 5.2 and 5.3: units, files, text terminals and disks of a guest with systemd."""

from pathlib import Path

import pytest
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.shared_machines import SharedMachines

# Type=simple would be active briefly.
BROKEN = "[Service]\\nType=oneshot\\nExecStart=/bin/false\\n"
IDLE = "[Service]\\nExecStart=/bin/sleep infinity\\n"


@pytest.fixture(scope="module", autouse=True)
def units(systemd: SharedMachines) -> None:
    """Two services, of which `broken` cannot start."""
    server = systemd["server"]
    for name, text in (("broken", BROKEN), ("idle", IDLE)):
        server.succeed(f"printf '{text}' > /run/systemd/system/{name}.service")
    server.systemctl("daemon-reload")


def test_3_2_waiting_for_a_unit_that_becomes_active(server: QemuMachine) -> None:
    server.systemctl("start --no-block idle.service")
    server.wait_for_unit("idle.service")
    server.wait_for_unit("idle")
    server.require_unit_state("idle.service")


def test_3_2_waiting_for_a_unit_that_fails(server: QemuMachine) -> None:
    server.systemctl("start --no-block broken.service")
    with pytest.raises(RequestedAssertionFailed) as failure:
        server.wait_for_unit("broken.service")
    assert str(failure.value) == 'unit "broken.service" reached state "failed"'


def test_3_2_waiting_for_a_unit_without_a_job(server: QemuMachine) -> None:
    with pytest.raises(RequestedAssertionFailed) as failure:
        server.wait_for_unit("never.service")
    assert str(failure.value) == 'unit "never.service" is inactive and there are no pending jobs'


def test_8_any_state_of_a_unit_can_be_waited_for(server: QemuMachine) -> None:
    server.systemctl("start --no-block broken.service")
    server.wait_for_unit_active_state("broken.service", "failed")
    with pytest.raises(RequestedAssertionFailed, match="action timed out") as failure:
        server.wait_for_unit_active_state("broken.service", "activating", timeout=0)
    assert 'the last state of unit "broken.service" was "failed"' in failure.value.__notes__[-1]


def test_3_2_jobs_return_status_and_output(server: QemuMachine) -> None:
    assert server.start_job("idle.service") == (0, "")
    assert server.stop_job("idle.service") == (0, "")
    assert server.start_job("broken.service")[0] != 0
    assert server.start_job("no-such.service")[0] != 0


def test_3_2_a_wrong_state_is_reported(server: QemuMachine) -> None:
    server.stop_job("idle.service")
    server.require_unit_state("idle.service", "inactive")
    with pytest.raises(RequestedAssertionFailed) as failure:
        server.require_unit_state("idle.service")
    assert str(failure.value) == (
        "Expected unit 'idle.service' to to be in state 'active' but it is in state 'inactive'"
    )


def test_3_2_information_and_properties(server: QemuMachine) -> None:
    information = server.get_unit_info("multi-user.target")
    assert information["ActiveState"] == "active"
    assert information["Id"] == "multi-user.target"
    assert server.get_unit_property("multi-user.target", "ActiveState") == "active"
    with pytest.raises(RequestedAssertionFailed, match='unit "x" under user "nobody2"'):
        server.get_unit_info("x", "nobody2")


def test_3_2_systemctl(server: QemuMachine) -> None:
    assert server.systemctl("is-active multi-user.target") == (0, "active\n")


def test_3_2_a_tree_both_ways(server: QemuMachine, systemd: SharedMachines, folder: Path) -> None:
    data = folder / "tree/below/data"
    data.parent.mkdir(parents=True)
    data.write_bytes(bytes(range(256)) * 4_000)
    data.chmod(0o750)
    server.copy_from_host(str(folder / "tree"), "/root/new folder/tree")
    server.copy_from_machine("/root/new folder/tree")
    back = systemd.out / "tree/below/data"
    assert back.read_bytes() == data.read_bytes()
    assert back.stat().st_mode & 0o777 == 0o750
    assert list(Path(server.shared_dir).iterdir()) == []


def test_3_2_a_link_of_the_guest_is_not_followed(
    server: QemuMachine, systemd: SharedMachines
) -> None:
    server.succeed("mkdir -p /root/made && ln -sf /etc/shadow /root/made/link")
    server.copy_from_machine("/root/made")
    link = systemd.out / "made/link"
    assert link.is_symlink() or "root:" not in link.read_text()


def test_3_2_text_on_a_terminal(server: QemuMachine) -> None:
    server.succeed("echo 'shown on two' > /dev/tty2")
    server.wait_until_tty_matches("2", "shown on [a-z]+")
    assert "shown on two" in server.get_tty_text("2")
    with pytest.raises(RequestedAssertionFailed):
        server.wait_until_tty_matches("2", "never shown", timeout=1)


def test_5_3_an_empty_disk_is_found_by_its_serial_number(server: QemuMachine) -> None:
    # udev may still be making it.
    server.wait_until_succeeds("test -b /dev/disk/by-id/virtio-empty0")
