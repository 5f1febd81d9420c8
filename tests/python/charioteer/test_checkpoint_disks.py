"""Copies of the state directories of machines."""

import os
import socket
from pathlib import Path

import pytest
from charioteer.testing.checkpoints import disks

MEGABYTE = 1 << 20


def test_a_sparse_file_stays_sparse(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.truncate(64 * MEGABYTE)
        file.seek(8 * MEGABYTE)
        file.write(b"data" * 1000)
    source.chmod(0o640)
    disks.copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < MEGABYTE
    assert target.stat().st_mode == source.stat().st_mode


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 100_000])
def test_a_file_is_copied(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "source").write_bytes(content)
    disks.copy_file(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content


def test_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    with (tmp_path / "source").open("wb") as file:
        file.seek(MEGABYTE)
        file.write(b"end")
    disks.copy_file(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == (tmp_path / "source").read_bytes()


def test_a_folder_is_copied_without_sockets_and_lock(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "xchg").mkdir(parents=True)
    (source / "xchg/file").write_text("text")
    (source / "xchg/lock").write_text("a guest's own")
    (source / "link").symlink_to("/nowhere")
    (source / "lock").write_text("1")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "qmp"))
        disks.copy_folder(source, target)
    assert sorted(each.name for each in target.iterdir()) == ["link", "xchg"]
    assert (target / "xchg/file").read_text() == "text"
    assert (target / "xchg/lock").exists()
    assert os.readlink(target / "link") == "/nowhere"


def test_a_folder_is_emptied_except_the_lock(tmp_path: Path) -> None:
    (tmp_path / "xchg").mkdir()
    (tmp_path / "xchg/file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "lock").touch()
    os.mkfifo(tmp_path / "pipe")
    disks.empty_folder(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_images_that_a_machine_writes_to() -> None:
    described = 'json:{"driver": "qcow2", "file": {"driver": "file", "filename": "/d/two.qcow2"}}'
    devices = [
        {"device": "a", "inserted": {"ro": False, "image": {"filename": "one.qcow2"}}},
        {"device": "b", "inserted": {"ro": False, "image": {"filename": described}}},
        {"device": "c", "inserted": {"ro": True, "image": {"filename": "/code.fd"}}},
        {"device": "empty CD-ROM"},
    ]
    found = disks.writable_images(devices, Path("/state"))
    assert found == [Path("/state/one.qcow2"), Path("/d/two.qcow2")]
