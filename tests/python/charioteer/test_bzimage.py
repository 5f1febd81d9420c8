"""Uncompressed kernels in the format of compressed ones (bzImage)."""

import struct

import pytest
from charioteer.errors import BuildError
from charioteer.images import bzimage

BASE, ENTRY = 0x100000, 0x1000C43
SETUP_SECTORS = 3


def compressed(sectors: int = SETUP_SECTORS) -> bytes:
    image = bytearray(b"r" * 512 * (sectors + 1) + b"compressed")
    image[0x1F1] = sectors
    image[0x202:0x206] = b"HdrS"
    return bytes(image)


def kernel(*segments: tuple[int, bytes], kind: int = 1) -> bytes:
    """An ELF file whose segments are at these physical addresses."""
    headers, contents = b"", b""
    start = 64 + 56 * len(segments)
    for address, data in segments:
        place = start + len(contents)
        headers += struct.pack("<IIQQQQQQ", kind, 7, place, 0, address, len(data), len(data), 1)
        contents += data
    head = b"\x7fELF\x02".ljust(24, b"\0") + struct.pack("<QQ", ENTRY, 64)
    return head.ljust(56, b"\0") + struct.pack("<HHHH", len(segments), 0, 0, 0) + headers + contents


def memory(image: bytes) -> bytes:
    """The guest's memory from BASE on, after the firmware has loaded the image."""
    return image[512 * (SETUP_SECTORS + 1) :]


def test_the_real_mode_code_stays() -> None:
    made = bzimage.uncompressed(compressed(), kernel((0x1000000, b"text")))
    size = 512 * (SETUP_SECTORS + 1)
    assert made[:size] == compressed()[:size] and b"compressed" not in made


def test_segments_are_where_the_kernel_expects_them() -> None:
    made = memory(
        bzimage.uncompressed(compressed(), kernel((0x1000000, b"text"), (0x1200000, b"data")))
    )
    assert made[0x1000000 - BASE :][:8] == b"text" + bytes(4)
    assert made[0x1200000 - BASE :] == b"data"


def test_segments_of_other_types_are_left_out() -> None:
    note = kernel((0x1000000, b"note"), kind=4)
    assert b"note" not in memory(bzimage.uncompressed(compressed(), note))


def test_the_code_before_it_jumps_to_its_entry_in_64_bit_mode() -> None:
    made = memory(bzimage.uncompressed(compressed(), kernel((0x1000000, b"text"))))
    code = made[: made.index(b"\xff\xe0") + 2]
    assert code.endswith(struct.pack("<Q", ENTRY) + b"\xff\xe0")
    # The far jump selects the descriptor of 64-bit code and continues at the next instruction.
    jump = code.index(b"\xea")
    assert struct.unpack_from("<IH", code, jump + 1) == (BASE + jump + 7, 0x10)
    limit, table = struct.unpack_from("<HI", made, struct.unpack_from("<I", code, 3)[0] - BASE)
    descriptors = struct.unpack_from(f"<{(limit + 1) // 8}Q", made, table - BASE)
    assert descriptors[2] >> 53 & 1 and descriptors[2] >> 43 & 1  # 64-bit, code


def test_the_page_tables_map_4_gb_to_themselves() -> None:
    made = memory(bzimage.uncompressed(compressed(), kernel((0x1000000, b"text"))))
    top = struct.unpack_from("<I", made, made.index(b"\xb8") + 1)[0]

    def entry(table: int, index: int) -> int:
        value: int = struct.unpack_from("<Q", made, table - BASE + 8 * index)[0]
        assert value & 3 == 3
        return value & ~0xFFF

    third = entry(top, 0)
    for address in (0, ENTRY, 3 << 30, (4 << 30) - 1):
        second = entry(third, address >> 30)
        assert entry(second, address >> 21 & 511) == address & ~0x1FFFFF


@pytest.mark.parametrize(
    ("image", "elf", "message"),
    [
        (b"MZ" + bytes(1024), kernel((0x1000000, b"text")), "no bzImage"),
        (compressed(), b"\x7fELF\x01" + bytes(64), "64-bit"),
        (compressed(), kernel((0x1200000, b"data"), (0x1000000, b"text")), "in the order"),
        (compressed(), kernel((BASE, b"text")), "in the order"),
    ],
)
def test_other_images_are_rejected(image: bytes, elf: bytes, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        bzimage.uncompressed(image, elf)
