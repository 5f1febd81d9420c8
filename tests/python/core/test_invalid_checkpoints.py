"""Checkpoints that are not valid any more, or are damaged."""

import os
from collections.abc import Callable
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


DAMAGES = pytest.mark.parametrize("damage", [Path.unlink, _truncate])


@DAMAGES
@pytest.mark.parametrize("file", ["web/guest", "web/guest.json", "checkpoint.json"])
def test_a_checkpoint_with_a_damaged_file_is_not_used(
    scripts: Scripts, folder: Path, file: str, damage: Callable[[Path], None]
) -> None:
    scripts.record(TWO)
    (found,) = folder.glob(f"store/*/checkpoints/002/{file}")
    damage(found)
    run = scripts.run(TWO, "--resume")
    assert "resumed at the checkpoint 'one'" in run.stderr
    assert scripts.done == ["b"]


@DAMAGES
@pytest.mark.parametrize("file", ["record.json", "calls"])
def test_a_damaged_record_is_not_used(
    scripts: Scripts, folder: Path, file: str, damage: Callable[[Path], None]
) -> None:
    scripts.record(TWO)
    (found,) = folder.glob(f"store/*/{file}")
    damage(found)
    run = scripts.run(TWO, "--resume")
    # Half of the calls are those up to the first checkpoint.
    half = file == "calls" and damage is _truncate
    assert ("resumed at the checkpoint 'one'" in run.stderr) == half, run.report()
    assert ("cannot resume, the machines boot" in run.stderr) != half, run.report()
    assert scripts.done == (["b"] if half else ["a", "b"])
