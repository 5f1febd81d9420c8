"""The layout of the file in which OVMF stores its variables.

A firmware volume (UEFI Platform Initialization specification, volume 3) holds a store of
authenticated variables, a working block for updates that must survive a power failure, and spare
space of the same size. All of it is flash memory: unwritten bytes are 0xff, and writing only clears
bits.
"""

import struct
import uuid
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta, timezone

from charioteer.testing.errors import MachineError

_HALF = 0x42000
SIZE = 2 * _HALF
"""Bytes of a store that is made here: the main half and the spare one."""

_VOLUME = struct.Struct("<16s16sQ4sIHHHBB")
_BLOCKS = struct.Struct("<II")
_STORE = struct.Struct("<16sIBBHI")
_TIME = struct.Struct("<HBBBBBBIhBB")

_VOLUME_GUID = uuid.UUID("fff12b8d-7696-4c8b-a985-2747075b4f50").bytes_le
_STORE_GUID = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
_WORKING_BLOCK_GUID = uuid.UUID("9e58292b-7c68-497d-a0ce-6500fd9f1b95").bytes_le
_SIGNATURE = b"_FVH"
_ATTRIBUTES = 0x4FEFF
_REVISION = 2
_BLOCK = 0x1000
_FORMATTED, _HEALTHY = 0x5A, 0xFE

_VOLUME_BYTES = _VOLUME.size + 2 * _BLOCKS.size
_STORE_BYTES = 0x40000 - _VOLUME_BYTES
_WORKING_BLOCK_AT = 0x41000
# Its checksum is of the header alone, with the queue of updates empty.
_WORKING_BLOCK_END = struct.pack("<IIQ", 0x642CAF2C, 0xFFFFFFFE, _BLOCK - 0x20)


@dataclass
class UEFITime:
    """A time of the firmware; all zero means no time."""

    year: int = 0
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    pad1: int = 0
    nanosecond: int = 0
    timezone: int = 0
    daylight: int = 0
    pad2: int = 0

    @classmethod
    def deserialize(cls, packed: bytes) -> "UEFITime":
        return cls(*_TIME.unpack(packed))

    def serialize(self) -> bytes:
        return _TIME.pack(*astuple(self))

    @property
    def time(self) -> datetime | None:
        """None if it is all zero. Raises ValueError if it is no valid time."""
        if self.year == 0:
            return None
        unspecified = 2047
        zone = UTC if self.timezone == unspecified else timezone(timedelta(minutes=self.timezone))
        day = (self.year, self.month, self.day)
        clock = (self.hour, self.minute, self.second, self.nanosecond // 1000)
        return datetime(*day, *clock, zone)


def build(records: bytes) -> bytes:
    """A store with these records of variables. Raises MachineError when they do not fit."""
    room = _STORE_BYTES - _STORE.size
    if len(records) > room:
        raise MachineError(
            f"the EFI variables do not fit: they take {len(records)} bytes, the store has {room}"
        )
    image = bytearray(b"\xff" * SIZE)
    header = _volume_header() + _STORE.pack(_STORE_GUID, _STORE_BYTES, _FORMATTED, _HEALTHY, 0, 0)
    image[: len(header) + len(records)] = header + records
    working_block = _WORKING_BLOCK_GUID + _WORKING_BLOCK_END
    image[_WORKING_BLOCK_AT : _WORKING_BLOCK_AT + len(working_block)] = working_block
    return bytes(image)


def _volume_header() -> bytes:
    def pack(checksum: int) -> bytes:
        fixed = _VOLUME.pack(
            bytes(16),
            _VOLUME_GUID,
            SIZE,
            _SIGNATURE,
            _ATTRIBUTES,
            _VOLUME_BYTES,
            checksum,
            0,
            0,
            _REVISION,
        )
        return fixed + _BLOCKS.pack(SIZE // _BLOCK, _BLOCK) + _BLOCKS.pack(0, 0)

    return pack(-_sum(pack(0)) & 0xFFFF)


def _sum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f"<{len(data) // 2}H", data)
    return sum(words) & 0xFFFF


def records(image: bytes) -> bytes:
    """The records in `image`, and the free flash memory after them: the inverse of `build`.

    Accepts stores of other sizes than ours. Raises ValueError with the reason.
    """
    if len(image) < _VOLUME.size:
        raise ValueError(f"it has {len(image)} bytes")
    _, guid, _, signature, _, begin, *_ = _VOLUME.unpack_from(image)
    if signature != _SIGNATURE:
        raise ValueError("it does not begin with the header of a firmware volume")
    if guid != _VOLUME_GUID:
        raise ValueError("the firmware volume is not one for variables")
    if begin % 2 or not _VOLUME.size <= begin <= len(image) - _STORE.size or _sum(image[:begin]):
        raise ValueError("the header of the firmware volume is damaged")
    guid, size, formatted, health, *_ = _STORE.unpack_from(image, begin)
    if guid != _STORE_GUID:
        raise ValueError("the firmware volume has no store of authenticated variables")
    if (formatted, health) != (_FORMATTED, _HEALTHY):
        raise ValueError("the store of variables is not formatted, or not healthy")
    if not _STORE.size <= size <= len(image) - begin:
        raise ValueError(f"its store has {size} bytes by the header, but the file has {len(image)}")
    return image[begin + _STORE.size : begin + size]
