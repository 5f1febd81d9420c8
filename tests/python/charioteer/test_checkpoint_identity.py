"""What makes checkpoints invalid: another start script, image, QEMU or setting."""

import os
from pathlib import Path
from typing import Any

import pytest
from charioteer.testing.checkpoints import identity
from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.identity import Team


class Folder:
    """A folder of a run with the start script of one machine."""

    def __init__(self, path: Path) -> None:
        self.run = path
        path.mkdir()
        self.image = path.parent / "image"
        self.qemu = path.parent / "bin/qemu-system-x86_64"
        self.script = path / "run-server-vm"

    def write(self, memory: int = 128) -> None:
        self.script.write_text(
            f"#!/bin/sh\nexec qemu-system-x86_64 -m {memory} -drive file={self.image},if=none \\\n"
            f"    -initrd {self.run}/initrd -kernel '{self.image}' > /dev/null\n"
        )
        (self.run / "initrd").write_text("facts")

    def team(self) -> Team:
        places = Places(Path("/out"), self.run)
        return identity.of_team({"server": str(self.script)}, places)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("CHARIOTEER_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    made = Folder(tmp_path / "run")
    made.image.write_text("image")
    made.qemu.parent.mkdir()
    made.qemu.write_text("#!/bin/sh\n")
    made.qemu.chmod(0o755)
    made.write()
    return made


def test_another_run_of_the_same_test_is_equal(place: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other-run")
    other.write()
    assert identity.difference(place.team(), other.team()) is None


def test_another_memory_size(place: Folder) -> None:
    before = place.team()
    place.write(memory=256)
    assert identity.difference(before, place.team()) == "the start script of server has changed"


def test_another_image(place: Folder) -> None:
    before = place.team()
    place.image.write_text("other")
    difference = identity.difference(before, place.team())
    assert difference == f"{place.image}, which server uses, has changed"


def test_an_image_that_was_only_touched_is_equal(place: Folder) -> None:
    before = place.team()
    os.utime(place.image, (1, 1))
    assert identity.difference(before, place.team()) is None


def test_another_file_of_the_run(place: Folder) -> None:
    before = place.team()
    (place.run / "initrd").write_text("other facts")
    difference = identity.difference(before, place.team())
    assert difference == "{run}/initrd, which server uses, has changed"


def test_another_qemu(place: Folder) -> None:
    before = place.team()
    place.qemu.write_text("#!/bin/sh\n# newer\n")
    difference = identity.difference(before, place.team())
    assert difference == f"{place.qemu}, which server uses, has changed"


def test_other_options_for_qemu(place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.team()
    monkeypatch.setenv("QEMU_OPTS", "-smp 2")
    difference = identity.difference(before, place.team())
    assert difference == "the variable QEMU_OPTS was None, and is '-smp 2'"


def test_an_added_machine(place: Folder) -> None:
    commands = {name: str(place.script) for name in ("server", "client")}
    both = identity.of_team(commands, Places(Path("/out"), place.run))
    assert "client" in (identity.difference(place.team(), both) or "")


def test_unchanged_files_are_not_read_again(place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.team()
    read = []
    real = Path.open

    def open_noted(path: Path, *args: Any, **named: Any) -> Any:
        read.append(path)
        return real(path, *args, **named)

    monkeypatch.setattr(Path, "open", open_noted)
    assert identity.difference(before, place.team()) is None
    assert place.image not in read


def test_damaged_digests_are_computed_again(place: Folder, tmp_path: Path) -> None:
    before = place.team()
    (tmp_path / "store/digests.json").write_text("{")
    assert identity.difference(before, place.team()) is None


def test_an_incomplete_record(place: Folder) -> None:
    team = place.team()
    incomplete = [{key: team[key] for key in team if key != left_out} for left_out in team]
    incomplete.append({**team, "machines": {"server": {"script": "of another version"}}})
    for recorded in incomplete:
        why = identity.difference(recorded, team)
        assert why == "the record does not describe the machines", recorded
