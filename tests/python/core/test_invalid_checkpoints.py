"""Checkpoints that are not valid any more, or are damaged."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from charioteer.testing.checkpoints.record import Record
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


def _outcome(calls: list[Any]) -> list[Any]:
    """The outcome of the command of the last call that has one."""
    return next(e["value"]["outcome"] for e in reversed(calls) if "outcome" in (e["value"] or ()))


def test_calls_are_used_up_to_one_without_a_field(scripts: Scripts, folder: Path) -> None:
    scripts.record(TWO)
    (file,) = folder.glob("store/*/calls")
    calls = [json.loads(line) for line in file.read_text().splitlines()]
    _outcome(calls).pop()
    file.write_text("".join(json.dumps(each) + "\n" for each in calls))
    run = scripts.run(TWO, "--resume")
    assert "resumed at the checkpoint 'one'" in run.stderr, run.report()
    assert scripts.done == ["b"]


def test_a_record_without_a_field_is_not_used(scripts: Scripts, folder: Path) -> None:
    scripts.record(TWO)
    (file,) = folder.glob("store/*/record.json")
    fields = json.loads(file.read_text())
    del fields["team"]
    file.write_text(json.dumps(fields))
    run = scripts.run(TWO, "--resume")
    (line,) = (e for e in run.stderr.splitlines() if "cannot resume, the machines boot" in e)
    assert f"{file} is damaged" in line, run.report()
    assert scripts.done == ["a", "b"]


def _damaged(fields: dict[str, Any]) -> Iterator[str]:
    """JSON without one of the fields, and with a value of another type, for each of them."""
    for name in fields:
        yield json.dumps({key: value for key, value in fields.items() if key != name})
        another: Any = [] if name in ("team", "sizes") else {"another": "type"}
        yield json.dumps({**fields, name: another})


def test_every_field_of_a_record_is_checked(scripts: Scripts, folder: Path) -> None:
    scripts.record(TWO)
    (run,) = (each for each in (folder / "store").iterdir() if each.is_dir())
    checkpoint = run / "checkpoints" / "002" / "checkpoint.json"
    valid = checkpoint.read_text()
    for checkpoint_text in _damaged(json.loads(valid)):
        checkpoint.write_text(checkpoint_text)
        assert [each.name for each in Record(run).checkpoints()] == ["one"], checkpoint_text
    checkpoint.write_text(valid)

    lines = (run / "calls").read_text().splitlines()
    call = json.loads(lines[-1])
    short: tuple[dict[str, Any], ...] = (
        {"piece": []},
        {"outcome": []},
        {"bytes": "x"},
        {"tuple": 1},
        {"dict": [1]},
        {"x": 1},
        {},
    )
    for line in [*_damaged(call), *(json.dumps({**call, "value": each}) for each in short)]:
        (run / "calls").write_text("\n".join([*lines[:-1], line]))
        assert len(Record(run).calls()) == len(lines) - 1, line

    for text in _damaged(json.loads((run / "record.json").read_text())):
        (run / "record.json").write_text(text)
        with pytest.raises(ValueError, match="record.json (is damaged|was written by another)"):
            Record(run)
