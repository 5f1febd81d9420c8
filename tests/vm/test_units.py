"""Waits for units by signals of systemd: units of the system and of users."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer._core import ShellError
from charioteer.testing import journal
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.logger import CompositeLogger, TraceLogger
from charioteer.testing.machine import QemuMachine
from charioteer.trace import records

from support.patience import deadline, scaled
from support.shared_machines import BOOT_LIMIT, machines_of_cluster

GUEST = """
[machines.server]
guest = "debian"
vlans = []
"""
UNITS = "~ada/.config/systemd/user"

pytestmark = pytest.mark.limit(240)


@pytest.fixture(scope="module")
def server() -> Iterator[QemuMachine]:
    """A guest with the user `ada`, whose systemd runs and has the units `idle` and `bad`."""
    with machines_of_cluster(GUEST) as made:
        server = made["server"]
        with deadline(BOOT_LIMIT):
            server.wait_for_unit("multi-user.target")
            server.succeed(
                "useradd --create-home --shell /bin/bash ada", "loginctl enable-linger ada"
            )
            server.wait_for_unit(f"user@{server.succeed('id -u ada').strip()}.service")
            server.succeed(
                f"mkdir -p {UNITS}",
                f"printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > {UNITS}/idle.service",
                f"printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' > {UNITS}/bad.service",
                "chown -R ada: ~ada",
            )
            assert server.systemctl("daemon-reload", "ada") == (0, "")
        yield server


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


def test_an_error_after_a_panic_names_the_unit(server: QemuMachine) -> None:
    server.succeed("systemd-run --no-block --unit=slow --property=Type=oneshot sleep infinity")
    crash = "echo 1 > /proc/sys/kernel/sysrq; sleep 1; echo c > /proc/sysrq-trigger"
    crasher = threading.Thread(target=lambda: server.execute(crash, check_output=False))
    crasher.start()
    with pytest.raises(ShellError, match="server: ") as failure:
        server.wait_for_unit("slow.service")
    crasher.join()
    assert '"slow.service"' in "\n".join(failure.value.__notes__)
