"""The blocks of capture files that tshark does not show, read from their bytes."""

import struct
from collections.abc import Iterator

_INTERFACE, _STATISTICS = 1, 5
_NAME = 2
_NAMES = {4: "received", 5: "lost", 6: "kept"}


def blocks(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each block."""
    begin = 0
    while begin < len(content):
        kind, size = struct.unpack_from("=II", content, begin)
        end = begin + size
        assert struct.unpack_from("=I", content, end - 4) == (size,), "a block is cut"
        yield kind, content[begin + 8 : end - 4]
        begin = end


def whole(content: bytes) -> bytes:
    """`content` of a file that grows, without the block that is not complete."""
    end = 0
    while len(content) - end >= 8:
        size = struct.unpack_from("=I", content, end + 4)[0]
        if len(content) - end < size:
            break
        end += size
    return content[:end]


def interfaces_of(content: bytes) -> list[str]:
    """The names of the interfaces by their numbers."""
    return [
        value.decode()
        for kind, body in blocks(content)
        if kind == _INTERFACE
        for code, value in _options(body[8:])
        if code == _NAME
    ]


def statistics_of(content: bytes, interface: int = 0) -> dict[str, int]:
    """How many frames an interface has sent, and how many of them were lost and kept."""
    for kind, body in blocks(content):
        if kind == _STATISTICS and struct.unpack_from("=I", body) == (interface,):
            return {
                _NAMES[code]: struct.unpack("=Q", value)[0]
                for code, value in _options(body[12:])
                if code in _NAMES
            }
    raise AssertionError("the capture has no statistics")


def _options(block: bytes) -> Iterator[tuple[int, bytes]]:
    while block:
        code, size = struct.unpack_from("=HH", block)
        yield code, block[4 : 4 + size]
        block = block[4 + (size + 3) // 4 * 4 :]
