"""An uncompressed Linux kernel in the format of a compressed one (bzImage).

QEMU can start an uncompressed ELF kernel, but then writes it to memory again at every reset. Waking up
from suspend to RAM is a reset, too, so the suspended kernel would find its memory overwritten. A bzImage
is loaded by the firmware, which does so only at boot. In place of the decompressor, ours contains a
program that jumps to the kernel at once.

References: the Linux x86 boot protocol (Documentation/arch/x86/boot.rst), and of the AMD64 manual,
volume 2, the chapter on entering long mode.
"""

import struct

from charioteer.errors import BuildError

# The address at which the boot protocol loads what follows the real-mode code, and enters it: in 32-bit
# mode with flat segments, without paging, and with the address of the boot parameters in ESI.
_BASE = 0x100000
# Offsets from _BASE: the descriptor table's pointer, the table, and six pages of page tables.
_GDT_POINTER, _GDT, _TABLES, _END = 0x80, 0x90, 0x1000, 0x7000
# Null, unused, 64-bit code (selector 0x10) and data (0x18), as the 64-bit boot protocol requires.
_DESCRIPTORS = (0, 0, 0x00AF9A000000FFFF, 0x00CF92000000FFFF)
_PAGE, _LARGE_PAGE = 0x1000, 0x200000
_PRESENT_WRITABLE, _LARGE = 0x3, 0x80
_LOADABLE = 1


def uncompressed(compressed: bytes, kernel: bytes) -> bytes:
    """A bzImage of the ELF `kernel`, with the real-mode code of the bzImage `compressed`.

    Raises BuildError when either has another format.
    """
    if compressed[0x202:0x206] != b"HdrS" or kernel[:5] != b"\x7fELF\x02":
        raise BuildError("the kernel is no bzImage of a 64-bit kernel")
    entry, headers = struct.unpack_from("<QQ", kernel, 24)
    (count,) = struct.unpack_from("<H", kernel, 56)
    code = _code(entry)
    memory = bytearray(code.ljust(_END, b"\0"))
    struct.pack_into("<HI", memory, _GDT_POINTER, 8 * len(_DESCRIPTORS) - 1, _BASE + _GDT)
    struct.pack_into("<4Q", memory, _GDT, *_DESCRIPTORS)
    memory[_TABLES:_END] = _identity_map(_BASE + _TABLES)
    for index in range(count):
        kind, _, offset, _, address, size = struct.unpack_from(
            "<IIQQQQ", kernel, headers + 56 * index
        )
        if kind == _LOADABLE:
            _place(memory, address - _BASE, kernel[offset : offset + size])
    # The boot sector, and the sectors of the real-mode code, whose number is in this byte.
    setup = (compressed[0x1F1] + 1) * 512
    return compressed[:setup] + bytes(memory)


def _place(memory: bytearray, start: int, segment: bytes) -> None:
    if start < len(memory):
        raise BuildError("the kernel's segments are not in the order of their addresses")
    memory.extend(bytes(start - len(memory)))
    memory.extend(segment)


def _code(entry: int) -> bytes:
    """Turns on 64-bit mode with the identity map, and jumps to `entry`. ESI stays as it is."""
    code = b"\x0f\x01\x15" + struct.pack("<I", _BASE + _GDT_POINTER)  # lgdt [pointer]
    code += bytes.fromhex("0f20e0 83c820 0f22e0")  # mov eax, cr4; or eax, PAE; mov cr4, eax
    code += b"\xb8" + struct.pack("<I", _BASE + _TABLES)  # mov eax, tables
    code += bytes.fromhex("0f22d8")  # mov cr3, eax
    code += bytes.fromhex("b9800000c0 0f32")  # mov ecx, EFER; rdmsr
    code += bytes.fromhex("0fbae808 0f30")  # bts eax, LME; wrmsr
    code += bytes.fromhex("0f20c0 0d01000080 0f22c0")  # mov eax, cr0; or eax, PG | PE; mov cr0, eax
    code += b"\xea" + struct.pack("<IH", _BASE + len(code) + 7, 0x10)  # jmp 0x10:next
    code += bytes.fromhex("b818000000 8ed8 8ec0 8ed0")  # mov eax, 0x18; mov ds, es and ss, eax
    code += b"\x48\xb8" + struct.pack("<Q", entry)  # mov rax, entry
    code += bytes.fromhex("ffe0")  # jmp rax
    return code


def _identity_map(tables: int) -> bytes:
    """Page tables for the address `tables` that map the first 4 GB to themselves by large pages.

    One page each of the fourth and the third level, four of the second.
    """
    third, second = tables + _PAGE, tables + 2 * _PAGE
    pages = struct.pack("<Q", third | _PRESENT_WRITABLE).ljust(_PAGE, b"\0")
    entries = [(second + index * _PAGE) | _PRESENT_WRITABLE for index in range(4)]
    pages += struct.pack("<4Q", *entries).ljust(_PAGE, b"\0")
    large = [(index * _LARGE_PAGE) | _PRESENT_WRITABLE | _LARGE for index in range(4 * 512)]
    return pages + struct.pack(f"<{len(large)}Q", *large)
