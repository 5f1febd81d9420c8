"""Text recognition in pictures, without a machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from charioteer import _core

from support.patience import scaled

LIMIT = 60
NOISE = "b'P6 400 300 255 ' + os.urandom(400 * 300 * 3)"


def run_python(text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code, which may use `_core` and `os`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import os\nfrom charioteer import _core\n{text}"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=scaled(LIMIT),
        check=False,
    )


def test_an_empty_picture_has_no_text_in_any_variant() -> None:
    picture = b"P6 200 100 255\n" + bytes(200 * 100 * 3)
    assert sorted(_core.ScreenReading(picture, 3)) == [(0, ""), (1, ""), (2, "")]
    assert list(_core.ScreenReading(picture, 1)) == [(0, "")]


def test_invalid_pictures_are_rejected() -> None:
    with pytest.raises(_core.MachineError, match="not a PPM file"):
        _core.ScreenReading(b"\x89PNG", 3)
    for variants in (0, 4):
        with pytest.raises(ValueError, match="1 to 3"):
            _core.ScreenReading(b"P6 1 1 255\nabc", variants)


def test_3_8_missing_language_data_is_an_error_that_names_the_package(tmp_path: Path) -> None:
    done = run_python(
        "next(_core.ScreenReading(b'P6 1 1 255 abc', 1))", TESSDATA_PREFIX=str(tmp_path)
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "test_driver.errors.MachineError: OCR requested but `tesseract` is not available"
    )
    assert str(tmp_path) in last and "install tesseract-ocr-eng" in last
    # Tesseract's own message is suppressed.
    assert done.stderr.count("eng") == last.count("eng")


def test_tesseract_is_loaded_when_it_is_needed() -> None:
    done = run_python(
        "maps = lambda: open('/proc/self/maps').read()\n"
        "assert 'libtesseract' not in maps()\n"
        "list(_core.ScreenReading(b'P6 1 1 255 abc', 1))\n"
        "assert 'libtesseract' in maps()"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_while_text_is_recognised() -> None:
    done = run_python(f"reading = _core.ScreenReading({NOISE}, 3)\nprint('begun')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n", "")
