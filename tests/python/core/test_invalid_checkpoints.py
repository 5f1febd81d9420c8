"""Checkpoints that are not valid any more, or are damaged."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from support.noted_scripts import TWO, Scripts
from support.testbed import Testbed

IMAGE = "image"
QEMU = "bin/qemu-system-x86_64"


@pytest.fixture
def scripts(testbed: Testbed, folder: Path) -> Scripts:
    """Scripts of machines that use an image, and a QEMU that is found on the PATH."""
    made = Scripts(testbed, folder)
    (folder / IMAGE).write_text("image")
    (folder / QEMU).parent.mkdir()
    (folder / QEMU).write_text("#!/bin/sh\n")
    (folder / QEMU).chmod(0o755)
    made.options["PATH"] = f"{folder}/bin:{os.environ['PATH']}"
    made.first_command = f"command -v qemu-system-x86_64 '{folder}/{IMAGE}' >&2"
    return made


@pytest.mark.parametrize("name", [IMAGE, QEMU])
def test_another_image_or_qemu_boots(scripts: Scripts, folder: Path, name: str) -> None:
    scripts.record(TWO)
    before = (folder / name).read_bytes()
    (folder / name).write_text("#!/bin/sh\n# another one\n")
    run = scripts.run(TWO, "--resume")
    assert f"not valid any more: {folder / name}, which web uses, has changed" in run.stderr
    assert scripts.done == ["a", "b"]
    # The content counts, not the time of the change.
    (folder / name).write_bytes(before)
    run = scripts.run(TWO, "--resume")
    assert "resumed at the checkpoint 'two'" in run.stderr
    assert scripts.done == []


def test_an_added_machine_boots(scripts: Scripts) -> None:
    scripts.record(TWO)
    run = scripts.run(TWO, "--resume", machines=("web", "other"))
    assert scripts.done == ["a", "b"]
    assert "not valid any more: the machines are others: other is new or gone" in run.stderr


def test_another_memory_size_boots(scripts: Scripts) -> None:
    scripts.record(TWO)
    scripts.first_command += "; memory=2048"
    run = scripts.run(TWO, "--resume")
    assert scripts.done == ["a", "b"]
    assert "not valid any more: the start script of web has changed" in run.stderr


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


_WAYS: dict[str, Callable[[Path], None]] = {"removed": Path.unlink, "truncated": _truncate}


def _damages(scripts: Scripts, folder: Path, files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Records TWO, and damages one of the files after the other, in one of two ways.

    Yields the path and the way; the others are as they were recorded.
    """
    scripts.record(TWO)
    (folder / "store").rename(folder / "recorded")
    for file in files:
        for way, damage in _WAYS.items():
            shutil.rmtree(folder / "store", ignore_errors=True)
            shutil.copytree(folder / "recorded", folder / "store", copy_function=shutil.copy2)
            (found,) = folder.glob(f"store/*/{file}")
            damage(found)
            yield file, way


def test_a_checkpoint_with_a_damaged_file_is_not_used(scripts: Scripts, folder: Path) -> None:
    files = [
        f"checkpoints/002/{name}" for name in ("web/guest", "web/guest.json", "checkpoint.json")
    ]
    for damage in _damages(scripts, folder, files):
        run = scripts.run(TWO, "--resume")
        assert "resumed at the checkpoint 'one'" in run.stderr, (damage, run.report())
        assert scripts.done == ["b"], damage


def test_a_damaged_record_is_not_used(scripts: Scripts, folder: Path) -> None:
    for damage in _damages(scripts, folder, ["record.json", "calls"]):
        run = scripts.run(TWO, "--resume")
        # Half of the calls are those up to the first checkpoint.
        half = damage == ("calls", "truncated")
        assert ("resumed at the checkpoint 'one'" in run.stderr) == half, (damage, run.report())
        assert ("cannot resume, the machines boot" in run.stderr) != half, (damage, run.report())
        assert scripts.done == (["b"] if half else ["a", "b"]), damage
