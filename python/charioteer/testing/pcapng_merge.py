"""Joins capture files that grow into one. The format is pcapng, in the byte order of this host."""

import struct
from collections.abc import Iterator

from charioteer.errors import InputError

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
_HEAD = struct.Struct("=II")
_NUMBER = struct.Struct("=I")
_LONGEST = 1 << 20
"""Of a block, in bytes: above all that drivers write."""


class Merger:
    """Takes the bytes of several files in any pieces; gives the blocks of one file."""

    def __init__(self) -> None:
        self._rests: dict[int, bytes] = {}
        self._numbers: dict[int, list[int]] = {}
        """The numbers of interfaces in the joined file, by the number of the file and in it."""
        self._count = 0
        self._has_section = False

    def take(self, source: int, data: bytes) -> bytes:
        """The next bytes of the joined file, given the next ones of the file `source`.

        Raises InputError for bytes that are no such file.
        """
        rest = self._rests.get(source, b"") + data
        joined = []
        size = 0
        for block in _complete(rest):
            size += len(block)
            joined.append(self._convert(source, block))
        self._rests[source] = rest[size:]
        return b"".join(joined)

    def _convert(self, source: int, block: bytes) -> bytes:
        kind, _ = _HEAD.unpack_from(block)
        numbers = self._numbers.setdefault(source, [])
        if kind == SECTION:
            is_first, self._has_section = not self._has_section, True
            return block if is_first else b""
        if kind == INTERFACE:
            numbers.append(self._count)
            self._count += 1
            return block
        if kind not in (STATISTICS, PACKET) or len(block) < _HEAD.size + 2 * _NUMBER.size:
            raise InputError(f"a block of kind {kind} is not expected in a capture")
        (number,) = _NUMBER.unpack_from(block, _HEAD.size)
        if number >= len(numbers):
            raise InputError(f"a capture has a frame of interface {number}, which it has not named")
        end = _HEAD.size + _NUMBER.size
        return block[: _HEAD.size] + _NUMBER.pack(numbers[number]) + block[end:]


def _complete(data: bytes) -> Iterator[bytes]:
    """The complete blocks at the begin of `data`."""
    begin = 0
    while len(data) - begin >= _HEAD.size:
        _, size = _HEAD.unpack_from(data, begin)
        if not _HEAD.size + _NUMBER.size <= size <= _LONGEST or size % 4 != 0:
            raise InputError(f"a block of {size} bytes is not expected in a capture")
        if len(data) - begin < size:
            return
        yield data[begin : begin + size]
        begin += size
