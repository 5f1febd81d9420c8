"""A station on a VLAN that runs on this host and sends and receives single frames."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

BROADCAST = "ff:ff:ff:ff:ff:ff"
ARP = 0x0806
LOCAL = 0x88B5
"""The local experimental Ethertype, to which guests do not reply."""


class Frame(NamedTuple):
    """An Ethernet frame; addresses are written as six hexadecimal numbers with colons."""

    to: str
    sender: str
    ethertype: int
    payload: bytes


class Station:
    """Pipes to `vde_plug`, on which each frame follows its length."""

    def __init__(self, plug: "subprocess.Popen[bytes]", address: str) -> None:
        assert plug.stdin is not None and plug.stdout is not None
        self._in, self._out = plug.stdin, plug.stdout
        self.address = address

    def send(self, to: str, payload: bytes, ethertype: int = LOCAL) -> None:
        frame = _bytes_of(to) + _bytes_of(self.address) + ethertype.to_bytes(2, "big") + payload
        self._in.write(len(frame).to_bytes(2, "big") + frame)
        self._in.flush()

    def receive(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame for which `wanted` is true. The deadline of the test ends the wait."""
        while True:
            raw = self._out.read(int.from_bytes(self._out.read(2), "big"))
            assert raw, "vde_plug has ended"
            to, sender, ethertype = raw[:6].hex(":"), raw[6:12].hex(":"), raw[12:14]
            frame = Frame(to, sender, int.from_bytes(ethertype, "big"), raw[14:])
            if wanted(frame):
                return frame

    def resolve(self, ip: str, to: str = BROADCAST) -> str:
        """Sends an ARP request for `ip` to `to`; returns the address that replies."""
        request = bytes.fromhex("0001 0800 0604 0001") + _bytes_of(self.address)
        request += bytes([192, 168, 1, 77]) + b"\0" * 6 + bytes(map(int, ip.split(".")))
        self.send(to, request, ARP)
        reply = self.receive(lambda frame: frame.to == self.address and frame.ethertype == ARP)
        return reply.sender


@contextmanager
def connected_station(socket_dir: Path, address: str) -> Iterator[Station]:
    """A station that is connected to the VLAN until the end of the block."""
    plug = subprocess.Popen(
        ["vde_plug", str(socket_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Station(plug, address)
    finally:
        plug.kill()
        plug.wait()


def _bytes_of(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))
