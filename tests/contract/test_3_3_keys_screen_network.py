"""Section 3.3: keys, screen, monitors, network of a virtual machine."""

import socket
from pathlib import Path

import pytest
from test_driver.machine import QemuMachine

from support.patience import scaled
from support.shared_machines import SharedMachines

PNG = b"\x89PNG\r\n\x1a\n"


def test_3_3_what_is_typed_arrives_on_the_terminal(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/typed; head -n 1 < /dev/tty1 > /tmp/typed 2>/dev/null &")
    alpha.send_chars("Hello, World_2!")
    alpha.send_key("ret")
    alpha.wait_until_succeeds("test -s /tmp/typed")
    assert alpha.succeed("cat /tmp/typed") == "Hello, World_2!\n"


def test_3_3_what_is_sent_to_the_console_arrives(alpha: QemuMachine) -> None:
    alpha.succeed("rm -f /tmp/typed; head -n 1 < /dev/ttyS0 > /tmp/typed 2>/dev/null &")
    alpha.send_console("by wire\n")
    alpha.wait_until_succeeds("grep 'by wire' /tmp/typed")


def test_3_3_the_human_monitor(alpha: QemuMachine) -> None:
    answer = alpha.send_monitor_command("info status")
    assert "VM status: running" in answer and answer.endswith("(qemu) ")


def test_3_3_screenshots_are_png_whatever_their_name(
    alpha: QemuMachine, pair: SharedMachines, folder: Path
) -> None:
    alpha.screenshot("first")
    alpha.screenshot(str(folder / "second.png"))
    for path in (pair.out / "first.png", folder / "second.png"):
        assert path.read_bytes().startswith(PNG), path


def test_3_3_qmp(alpha: QemuMachine) -> None:
    assert alpha.qmp_client is not None
    assert alpha.qmp_client.send("query-status")["return"]["running"] is True
    alpha.qmp_client.send("stop")
    try:
        event = alpha.wait_for_qmp_event(
            lambda event: bool(event["event"] == "STOP"), timeout=scaled(30)
        )
        assert "timestamp" in event
    finally:
        alpha.qmp_client.send("cont")
    with pytest.raises(RuntimeError, match="CommandNotFound"):
        alpha.qmp_client.send("no-such-command")


def test_3_3_a_blocked_machine_is_not_reached_until_it_is_unblocked(alpha: QemuMachine) -> None:
    ping = "ping -c 1 -W 2 beta"
    alpha.wait_until_succeeds(ping)
    alpha.block()
    alpha.fail(ping)
    alpha.unblock()
    alpha.wait_until_succeeds(ping)


def forward_a_free_port(machine: QemuMachine, guest_port: int) -> int:
    """Another program may take one that is free before QEMU does."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        machine.forward_port(port, guest_port)
        if f" {port} " in machine.send_monitor_command("info usernet"):
            return port


def test_3_3_a_port_of_the_host_is_forwarded_to_the_guest(alpha: QemuMachine) -> None:
    alpha.succeed("(echo from the guest | nc -l -N 8000) >/dev/null 2>&1 &")
    port = forward_a_free_port(alpha, 8000)
    alpha.wait_until_succeeds("netstat -ltn | grep :8000")
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        assert connection.makefile().readline() == "from the guest\n"
