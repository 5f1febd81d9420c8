"""A VLAN with a tap device of the kernel, and programs that end with the driver."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from charioteer import _core
from charioteer.testing.errors import MachineError

from support.patience import scaled, until

ETH_P_ALL = 3
NAME = f"chtest{os.getpid() % 100000}"


@pytest.fixture
def vlan_with_tap(folder: Path) -> "VlanWithTap":
    if os.geteuid() != 0 or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("tap devices take root and /dev/net/tun")
    return VlanWithTap(folder)


class VlanWithTap:
    """A VLAN with a tap device, a packet socket at the device, and a stream plug."""

    def __init__(self, folder: Path) -> None:
        self.vlan = _core.VLan(1, str(folder), _core.Reporter(terminal=False), tap=NAME)
        # Otherwise the kernel's IPv6 would send frames, too.
        Path(f"/proc/sys/net/ipv6/conf/{NAME}/disable_ipv6").write_text("1")
        subprocess.run(["ip", "link", "set", NAME, "up"], check=True)
        # Without a protocol until it is bound: with one, it would also receive
        # the frames of every other interface in between, see packet(7).
        self.kernel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.kernel.bind((NAME, ETH_P_ALL))
        self.kernel.settimeout(scaled(30))
        self.plug = socket.socket(socket.AF_UNIX)
        self.plug.connect(self.vlan.stream_socket)
        self.plug.settimeout(scaled(30))


def frame(text: bytes) -> bytes:
    return b"\xff" * 6 + bytes.fromhex("020000000001") + b"\x88\xb5" + text.ljust(46, b".")


def test_frames_pass_in_both_directions(vlan_with_tap: VlanWithTap) -> None:
    sent = frame(b"to the kernel")
    vlan_with_tap.plug.sendall(len(sent).to_bytes(4, "big") + sent)
    assert vlan_with_tap.kernel.recv(2048) == sent
    reply = frame(b"from the kernel")
    vlan_with_tap.kernel.send(reply)
    assert vlan_with_tap.plug.recv(2048) == len(reply).to_bytes(4, "big") + reply
    vlan_with_tap.vlan.stop()
    assert not Path(f"/sys/class/net/{NAME}").exists()


def test_a_device_name_in_use_is_an_error(vlan_with_tap: VlanWithTap, folder: Path) -> None:
    with pytest.raises(MachineError, match=f"{NAME} .another run has one of that name"):
        _core.VLan(2, str(folder), _core.Reporter(terminal=False), tap=NAME)
    vlan_with_tap.vlan.stop()


def test_a_program_reports_its_lines_and_its_status(folder: Path) -> None:
    reporter = _core.Reporter(terminal=False, queue=True)
    command = ["sh", "-c", "echo $WORD; echo aside >&2; pwd; exit 3"]
    program = _core.spawn(command, ["WORD=one", "PATH=/bin"], str(folder), "web", reporter)
    assert program.wait(scaled(30)) == 3 and program.poll() == 3
    events = [(event.kind, event.machine, event.text) for event in reporter.drain()]
    assert events == [("serial", "web", text) for text in ("one", "aside", str(folder))]
    assert program.last_output() == f"one\naside\n{folder}\n"


def test_a_missing_program_is_named(folder: Path) -> None:
    with pytest.raises(MachineError, match="no-such-program"):
        _core.spawn(["no-such-program"], [], str(folder))


def test_a_program_can_be_terminated(folder: Path) -> None:
    program = _core.spawn(["sleep", "600"], [], str(folder))
    program.terminate()
    assert program.wait(scaled(30)) == -signal.SIGTERM
    until(lambda: not Path(f"/proc/{program.pid}").exists(), 30, lambda: "it is still there")
