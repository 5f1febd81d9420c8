"""Trunks as scripts see them: a VLAN joined to the same VLAN of another driver."""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from charioteer import _core as core
from charioteer.testing.errors import MachineError
from charioteer.testing.logger import CompositeLogger
from charioteer.testing.vlan import VLan

from support.far_host import FarHost, needs_sshd
from support.leftovers import expect_nothing_left
from support.patience import scaled, until

# A driver whose VLAN is joined by its standard streams, and which writes where plugs connect to it.
FAR_DRIVER = """
import os, sys, time
from pathlib import Path
from charioteer.testing.logger import CompositeLogger
from charioteer.testing.vlan import VLan
folder = Path(sys.argv[1])
vlan = VLan(1, folder, CompositeLogger([]), exports=False)
trunk = vlan.trunk(0, 1, host="near")
(folder / "new").write_text(vlan.handle.stream_socket)
(folder / "new").rename(folder / "socket")
while trunk.state != "ended":
    time.sleep(0.05)
(folder / "ended").touch()
vlan.stop()
"""


@pytest.fixture(name="sides")
def fixture_sides(folder: Path) -> Iterator[list[VLan]]:
    """The VLAN 1 of two drivers."""
    sides = []
    for name in ("near", "far"):
        place = folder / name
        place.mkdir()
        sides.append(VLan(1, place, CompositeLogger([]), exports=False))
    yield sides
    for side in sides:
        side.stop()


def connect(path: str) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(scaled(20))
    connected.connect(path)
    return connected


def plug(vlan: VLan) -> socket.socket:
    connected = connect(vlan.handle.stream_socket)
    until(lambda: any(name.startswith("plug") for name in vlan.plugs()), 30, lambda: "no plug")
    return connected


def frame(text: bytes) -> bytes:
    content = b"\xff" * 6 + b"\x52\x54\x00\x12\x01\x01" + b"\x08\x00" + text
    return len(content).to_bytes(4, "big") + content


def test_frames_pass_between_two_drivers(sides: list[VLan]) -> None:
    near, far = sides
    with plug(near) as sender, plug(far) as receiver:
        ends = socket.socketpair()
        with near.trunk(ends[0], host="b") as trunk, far.trunk(ends[1], host="a"):
            for end in ends:
                end.close()
            trunk.wait_until_joined(timeout=scaled(30))
            assert trunk.state == "joined" and trunk.reason == ""
            assert "trunk-b" in near.plugs()
            sender.sendall(frame(b"over the trunk"))
            expected = frame(b"over the trunk")
            assert receiver.recv(len(expected), socket.MSG_WAITALL) == expected


@needs_sshd
def test_frames_pass_through_ssh(folder: Path) -> None:
    b = FarHost(folder, "b", {"PYTHONPATH": str(Path(core.__file__ or "").parents[1])})
    program = shlex.join([sys.executable, "-c", FAR_DRIVER, str(b.temporary)])
    near = VLan(1, folder, CompositeLogger([]), exports=False)
    command = ["ssh", "-T", *shlex.split(b.ssh), program]
    with ExitStack() as stack:
        stack.callback(near.stop)
        ssh = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        # It would be waited for, also when an assertion has failed.
        stack.callback(ssh.kill)
        assert ssh.stdin is not None and ssh.stdout is not None
        trunk = near.trunk(ssh.stdout, ssh.stdin, host="b")
        trunk.wait_until_joined(timeout=scaled(60))
        far = b.temporary / "socket"
        until(far.exists, 30, lambda: "the driver there has not begun")
        with plug(near) as here, connect(far.read_text()) as there:
            for sender, receiver, text in ((there, here, b"here"), (here, there, b"there" * 300)):
                sender.sendall(frame(text))
                assert receiver.recv(len(frame(text)), socket.MSG_WAITALL) == frame(text)
        b.cut()
        until(lambda: trunk.state == "ended", 30, lambda: f"it is {trunk.state}")
        ended = b.temporary / "ended"
        until(ended.exists, 30, lambda: "the driver there has not noticed it")
    expect_nothing_left(folder)


def test_pipes_are_duplicated(sides: list[VLan]) -> None:
    near, far = sides
    there, back = os.pipe(), os.pipe()
    trunk = near.trunk(back[0], there[1], host="b")
    other = far.trunk(there[0], back[1], host="a")
    for descriptor in (*there, *back):
        os.close(descriptor)
    trunk.wait_until_joined(timeout=scaled(30))
    other.close()
    until(lambda: trunk.state == "ended", 30, lambda: f"it is {trunk.state}")
    assert trunk.reason == "it was closed by the other side"
    trunk.close()


def test_errors_name_host_and_vlan(sides: list[VLan]) -> None:
    near, _ = sides
    ends = socket.socketpair()
    trunk = near.trunk(ends[0], host="b")
    with pytest.raises(ValueError, match="there is a trunk to b already"):
        near.trunk(ends[0], host="b")
    for host in ("", "b\nc", "b c"):
        with pytest.raises(ValueError, match="vlan1.trunk: the name of a host, got"):
            near.trunk(ends[0], host=host)
    with pytest.raises(MachineError, match=r"vlan1: the trunk to b: the other side was silent"):
        trunk.wait_until_joined(timeout=0.1)
    ends[1].sendall(b"Welcome to b!\n")
    until(lambda: trunk.state == "ended", 30, lambda: f"it is {trunk.state}")
    with pytest.raises(MachineError, match="vlan1: the trunk to b has ended: it sent something"):
        trunk.wait_until_joined()
    for end in ends:
        end.close()
    with pytest.raises(MachineError, match="an end of a trunk cannot be used"):
        near.trunk(1_000_000, host="c")
