"""Recognition of the text on a screen."""

import gzip
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from charioteer import _core

from figures import Figure, compare

_ROUNDS = 3
_PICTURE = Path(__file__).with_name("console.ppm.gz")
_PROGRAMS = {"tesseract": "tesseract-ocr", "convert": "imagemagick"}
_CONVERSION = (
    "-filter Catrom -density 72 -resample 300 -contrast -normalize -despeckle -type grayscale"
    " -sharpen 1 -posterize 3 {}-gamma 100 -blur 1x65535"
)
_READING = ("-", "--oem", "1", "-c", "debug_file=/dev/null", "--psm", "11")


def attempt() -> Iterable[Figure]:
    """One attempt of wait_for_text: without a match, and until the first result.

    The baseline is upstream's method, one program after the other: two conversions and three runs
    of Tesseract, with one thread, which on few processors is several times faster than its four.
    """
    if missing := [name for name in _PROGRAMS if not shutil.which(name)]:
        packages = " ".join(_PROGRAMS[name] for name in missing)
        print(f"screen: no baseline without {', '.join(missing)} (apt-get install {packages})")
        return
    ours, first, theirs = [], [], []
    picture = gzip.decompress(_PICTURE.read_bytes())
    _read(picture)  # one-time initialisation
    with tempfile.TemporaryDirectory() as name:
        for number in range(1, _ROUNDS + 1):
            # A different picture each time, since results are cached.
            picture = picture[:-1] + bytes([number])
            times = _read(picture)
            ours.append(times[-1])
            first.append(times[0])
            theirs.append(_read_by_programs(picture, Path(name)))
    yield compare("screen_attempt", ours, theirs, "s")
    yield compare("screen_first_text", first, theirs, "s")


def _read(picture: bytes) -> list[float]:
    """The time until each result, in seconds."""
    begin = time.monotonic()
    return [time.monotonic() - begin for _ in _core.ScreenReading(picture, 3)]


def _read_by_programs(picture: bytes, folder: Path) -> float:
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    begin = time.monotonic()
    source = folder / "screen.ppm"
    source.write_bytes(picture)
    pictures = [source]
    for option in ("", "-negate "):
        pictures.append(folder / f"variant{len(pictures)}.png")
        words = _CONVERSION.format(option).split()
        subprocess.run(["convert", *words, source, pictures[-1]], check=True)
    for path in pictures:
        command = ["tesseract", str(path), *_READING]
        subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)
    return time.monotonic() - begin
