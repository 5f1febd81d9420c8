"""Section 3.3: screenshots and the X server."""

import struct
import zlib
from pathlib import Path

from test_driver.machine import QemuMachine

from support.shared_machines import SharedMachines

HEAD = b"\x89PNG\r\n\x1a\n"


def chunks(png: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG file by type, concatenated for each type; checks all checksums."""
    assert png.startswith(HEAD)
    found: dict[bytes, bytes] = {}
    at = len(HEAD)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", png, at + 8 + length)
        assert checksum == zlib.crc32(kind + data), kind
        found[kind] = found.get(kind, b"") + data
        at += length + 12
    return found


def test_3_3_wait_for_x_returns_when_there_is_an_x_server(desk: QemuMachine) -> None:
    desk.wait_for_x(timeout=0)
    desk.succeed("test -e /tmp/.X11-unix/X0")


def test_3_3_a_screenshot_is_a_whole_png_of_the_screen(
    desk: QemuMachine, desktops: SharedMachines, folder: Path
) -> None:
    desk.screenshot("shot")
    found = chunks((desktops.out / "shot.png").read_bytes())
    assert struct.unpack_from(">II", found[b"IHDR"]) == (800, 600)
    assert len(zlib.decompress(found[b"IDAT"])) >= 800 * 600 * 3
    assert list(found)[-1] == b"IEND"
    named = folder / "picture.of.it"
    desk.screenshot(str(named))
    desk.screenshot(str(named))
    assert chunks(named.read_bytes())[b"IHDR"] == found[b"IHDR"]
