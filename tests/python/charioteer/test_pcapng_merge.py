"""Captures of several VLANs that are joined while they grow."""

import struct

import pytest

from charioteer.errors import InputError
from charioteer.testing.pcapng_merge import INTERFACE, PACKET, SECTION, STATISTICS, Merger
from support import tshark
from support.pcapng import blocks, statistics_of


def block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("=II", kind, size) + body + struct.pack("=I", size)


def option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def interface(name: str) -> bytes:
    options = option(2, name.encode()) + option(9, b"\x09") + option(0, b"")
    return block(INTERFACE, struct.pack("=HHI", 1, 0, 0) + options)


def packet(number: int, text: str) -> bytes:
    frame = bytes(12) + b"\x88\xb5" + text.encode()
    head = struct.pack("=5I", number, 0, 1, len(frame), len(frame))
    return block(PACKET, head + frame + b"\0" * (-len(frame) % 4))


def statistics(number: int, received: int) -> bytes:
    options = option(4, struct.pack("=Q", received)) + option(0, b"")
    return block(STATISTICS, struct.pack("=III", number, 0, 2) + options)


HEAD = block(SECTION, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))
FIRST = HEAD + interface("web.1") + packet(0, "one") + packet(0, "two") + statistics(0, 2)
SECOND = HEAD + interface("db.2") + interface("web.2") + packet(1, "three") + statistics(1, 1)


def shown(content: bytes) -> list[tuple[str, ...]]:
    frames = tshark.fields(content, "frame.interface_name", "data.data")
    return [(name, bytes.fromhex(data).decode()) for name, data in frames]


def test_frames_keep_their_interfaces() -> None:
    merger = Merger()
    joined = merger.take(0, FIRST) + merger.take(1, SECOND)
    assert shown(joined) == [("web.1", "one"), ("web.1", "two"), ("web.2", "three")]
    assert statistics_of(joined, 2) == {"received": 1}
    assert [kind for kind, _ in blocks(joined)].count(SECTION) == 1


def test_files_come_in_any_pieces() -> None:
    expected = sorted(blocks(Merger().take(0, FIRST) + b""))
    for size in range(1, len(FIRST)):
        merger = Merger()
        pieces = [merger.take(0, FIRST[at : at + size]) for at in range(0, len(FIRST), size)]
        assert sorted(blocks(b"".join(pieces))) == expected


def test_files_may_alternate_within_blocks() -> None:
    merger = Merger()
    half = len(HEAD) + 20
    joined = merger.take(0, FIRST[:half]) + merger.take(1, SECOND[:half])
    joined += merger.take(0, FIRST[half:]) + merger.take(1, SECOND[half:])
    assert sorted(shown(joined)) == [("web.1", "one"), ("web.1", "two"), ("web.2", "three")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEAD + packet(0, "x"), "frame of interface 0, which it has not named"),
        (HEAD + block(77, bytes(8)), "a block of kind 77 is not expected"),
        (HEAD + block(PACKET, b""), "a block of kind 6 is not expected"),
        (struct.pack("=II", PACKET, 2), "a block of 2 bytes is not expected"),
        (struct.pack("=II", PACKET, 1 << 30), "a block of 1073741824 bytes is not expected"),
        (b"\0" * 8, "a block of 0 bytes is not expected"),
    ],
)
def test_other_bytes_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Merger().take(0, content)
