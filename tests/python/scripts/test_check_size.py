"""scripts/check-size, on a small tree."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/check-size"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    (root / "scripts").mkdir()
    shutil.copy(SCRIPT, root / "scripts")
    return subprocess.run(
        [root / "scripts/check-size"], capture_output=True, text=True, check=False
    )


def test_files_within_the_limits_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver/short.cpp").write_text("int main() {}\n")
    assert check(tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("long.cpp", b"// a line\n" * 400, "driver/long.cpp: 400 lines"),
        ("wide.py", b"def f():\n" + b"    x = 1\n" * 60, "driver/wide.py:1: f: 61 lines"),
        ("seed", b"\xfe\xffCh", "driver/seed: not text"),
    ],
)
def test_other_files_are_errors(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / name).write_bytes(content)
    done = check(tmp_path)
    assert done.returncode == 1
    assert message in done.stdout
    assert done.stderr == ""
