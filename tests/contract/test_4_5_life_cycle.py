"""Section 4.5: starting, ending and restarting machines."""

import threading
from pathlib import Path

import pytest
from test_driver.machine import QemuMachine

from support.patience import until
from support.shared_machines import SharedMachines


def test_4_5_a_running_machine(alpha: QemuMachine) -> None:
    assert alpha.booted and alpha.connected and alpha.is_up()
    assert alpha.process is not None and alpha.process.pid == alpha.pid
    assert alpha.process.poll() is None
    assert Path(f"/proc/{alpha.pid}/exe").resolve().name.startswith("qemu-system")
    assert repr(alpha) == "<QemuMachine 'alpha'>"
    alpha.start()


@pytest.mark.limit(180)
def test_4_5_shutdown_start_crash(pair: SharedMachines) -> None:
    spare = pair["spare"]
    assert not spare.is_up()
    assert spare.succeed("hostname") == "spare\n"
    (Path(spare.state_dir) / "kept").touch()
    spare.succeed("echo on the disk | dd of=/dev/vda conv=notrunc 2>/dev/null")
    spare.succeed("echo of the first start > /dev/ttyS0")
    spare.wait_for_console_text("of the first start")
    spare.shutdown()
    spare.shutdown()
    assert (spare.booted, spare.connected, spare.pid) == (False, False, None)
    spare.start()
    assert (Path(spare.state_dir) / "kept").exists()
    assert spare.booted and not spare.connected
    assert spare.succeed("head -n 1 /dev/vda") == "on the disk\n"
    assert "of the first start" not in spare.get_console_log()
    spare.crash()
    spare.crash()
    assert not spare.booted


@pytest.mark.limit(180)
def test_4_5_reboot(pair: SharedMachines) -> None:
    spare = pair["spare"]
    spare.start(allow_reboot=True)
    spare.succeed("touch /tmp/before")
    pid = spare.pid
    spare.reboot()
    assert not spare.connected
    spare.fail("test -e /tmp/before")
    assert spare.pid == pid
    spare.send_monitor_command("quit")
    spare.wait_for_shutdown()
    assert not spare.booted


@pytest.mark.limit(180)
def test_4_5_a_guest_that_powers_itself_off(pair: SharedMachines) -> None:
    spare = pair["spare"]
    spare.execute("poweroff", check_output=False)
    qemu = Path(f"/proc/{spare.pid}")
    until(lambda: not qemu.exists(), 60, lambda: "QEMU still runs")
    # As with upstream, the attribute changes only when the script waits for the end.
    assert spare.booted
    spare.wait_for_shutdown()
    assert not spare.is_up() and not spare.booted


@pytest.mark.limit(180)
def test_4_5_without_allow_reboot_a_reboot_ends_the_machine(pair: SharedMachines) -> None:
    spare = pair["spare"]
    spare.connect()
    spare.reboot()
    spare.wait_for_shutdown()
    assert (spare.booted, spare.connected, spare.pid) == (False, False, None)


@pytest.mark.limit(180)
def test_4_5_create_machine(pair: SharedMachines) -> None:
    made = pair.symbols["create_machine"](pair["spare"].start_command, name="made")
    try:
        assert made.name == "made" and isinstance(made, QemuMachine)
        assert made not in pair.driver.machines
        assert made.succeed("hostname") == "spare\n"
        assert Path(made.state_dir).name == "vm-state-made"
    finally:
        made.release()


@pytest.mark.limit(180)
def test_4_5_wait_for_shutdown_during_a_crash(pair: SharedMachines) -> None:
    spare = pair["spare"]
    spare.connect()
    waiter = threading.Thread(target=spare.wait_for_shutdown)
    waiter.start()
    spare.crash()
    waiter.join(60)
    assert not waiter.is_alive() and not spare.booted
