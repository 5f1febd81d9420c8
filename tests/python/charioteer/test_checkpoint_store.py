"""Recorded runs and their checkpoints on disk."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest
from charioteer import folders
from charioteer.cli.program import main
from charioteer.errors import InputError
from charioteer.testing.caller import Kind
from charioteer.testing.checkpoints import store
from charioteer.testing.checkpoints.entries import Entry, MachineState
from charioteer.testing.checkpoints.record import Checkpoint, Description, Record


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARIOTEER_CHECKPOINTS", str(tmp_path / "store"))


def _description(begin: float = 1.0) -> Description:
    return Description("test", begin, "/script", {"machines": {}}, seed=1)


def _record(begin: float = 1.0) -> Record:
    with store.new_record(_description(begin)) as record:
        return record


def _checkpoint(record: Record, name: str, size: int = 10, calls: int = 1) -> Checkpoint:
    with record.new_checkpoint(name, 3, calls) as folder:
        (folder / "guest").write_bytes(b"x" * size)
    return record.checkpoints()[-1]


def _entry(number: int) -> Entry:
    off, on = MachineState(), MachineState(True, True, 7)
    return Entry(number, "server", "run", "key", "run()", 1, Kind.MAIN, number, off, on)


def test_a_record_is_read_as_it_was_written() -> None:
    record = _record()
    record.add_call(_entry(0))
    made = _checkpoint(record, "one")
    (read,) = store.records()
    assert read.description == record.description
    assert read.calls() == [_entry(0)]
    assert read.checkpoints() == [made]
    assert (made.name, made.line, made.calls, made.recorded) == ("one", 3, 1, 1)


def test_other_users_cannot_read_it() -> None:
    record = _record()
    made = _checkpoint(record, "one")
    for folder in (store.root(), record.folder, made.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_checkpoint_that_failed_does_not_exist() -> None:
    record = _record()
    with pytest.raises(OSError), record.new_checkpoint("one", None, 0) as folder:
        (folder / "guest").write_bytes(b"half")
        raise OSError(28, "No space left on device")
    assert record.checkpoints() == []
    assert list((record.folder / "checkpoints").iterdir()) == []


def test_damaged_checkpoints_are_not_used() -> None:
    record = _record()
    names = ["whole", "truncated", "deleted", "no description", "garbage"]
    whole, truncated, deleted, bare, garbage = [_checkpoint(record, name) for name in names]
    os.truncate(truncated.folder / "guest", 5)
    (deleted.folder / "guest").unlink()
    (bare.folder / "checkpoint.json").unlink()
    (garbage.folder / "checkpoint.json").write_text('{"name": 1}')
    assert record.checkpoints() == [whole]
    # A new one does not take the place of one that is used.
    assert _checkpoint(record, "next").folder != whole.folder


def test_a_record_of_another_version_is_ignored() -> None:
    record = _record()
    text = (record.folder / "record.json").read_text()
    (record.folder / "record.json").write_text(text.replace('"format": 2', '"format": 0'))
    assert store.records() == []
    # It is removed with the oldest.
    assert store.prune(0) == [record.folder]


def test_files_that_calls_wrote_are_kept(tmp_path: Path) -> None:
    record = _record()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("text")
    (tmp_path / "folder/link").symlink_to("file")
    name = record.keep_file(tmp_path / "folder")
    assert (record.file(name) / "file").read_text() == "text"
    assert (record.file(name) / "link").is_symlink()
    assert record.keep_file(tmp_path / "folder/file") != name


def test_a_record_goes_on_from_another(tmp_path: Path) -> None:
    first = _record()
    for number in range(3):
        first.add_call(_entry(number))
    (tmp_path / "file").write_text("text")
    name = first.keep_file(tmp_path / "file")
    _checkpoint(first, "one", calls=1)
    two = _checkpoint(first, "two", calls=2)
    _checkpoint(first, "three", calls=3)
    second = _record(2.0)
    second.continue_from(first, two, 0.0)
    assert [each.name for each in second.checkpoints()] == ["one", "two"]
    assert len(second.calls()) == 2
    assert second.keep_file(tmp_path / "file") != name
    folders.remove(first.folder)
    assert second.file(name).read_text() == "text"
    assert [each.name for each in Record(second.folder).checkpoints()] == ["one", "two"]
    assert _checkpoint(second, "other").number == 3


def test_the_oldest_runs_are_removed_first() -> None:
    oldest, middle, newest = [_record(begin) for begin in (1.0, 100.0, 200.0)]
    for record in (oldest, middle, newest):
        _checkpoint(record, "one", 100_000)
    assert store.prune(250_000) == [oldest.folder]
    assert store.prune(250_000) == []
    assert [each.folder for each in store.records()] == [newest.folder, middle.folder]


def test_a_run_in_use_is_not_removed() -> None:
    with ExitStack() as stack:
        used = stack.enter_context(store.new_record(_description(1.0)))
        free = _record(2.0)
        assert store.prune(0) == [free.folder]
        assert used.folder.exists()


def test_what_killed_runs_left_is_removed() -> None:
    old = store.root() / "20200101-000000-abcdef.partial"
    new = store.root() / "20300101-000000-abcdef.partial"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (1.0, 1.0))
    store.prune(1_000_000)
    assert not old.exists()
    assert new.exists(), "another process may be making it"


def test_files_that_runs_share_are_counted_once() -> None:
    first = _record()
    made = _checkpoint(first, "one", 100_000)
    second = _record(100.0)
    second.continue_from(first, made, 0.0)
    assert store.prune(150_000) == []
    assert store.prune(50_000) == [first.folder, second.folder]


def test_a_record_that_lost_calls_has_no_checkpoints_after_them() -> None:
    record = _record()
    for number in range(2):
        record.add_call(_entry(number))
        _checkpoint(record, str(number), calls=number + 1)
    text = (record.folder / "calls").read_text()
    (record.folder / "calls").write_text(text[:-20])
    assert [each.name for each in Record(record.folder).resumable()] == ["0"]


def test_an_invalid_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARIOTEER_CHECKPOINTS_SIZE", "5 GB")
    with pytest.raises(InputError, match="CHARIOTEER_CHECKPOINTS_SIZE is '5 GB', not a number"):
        store.limit()


class TestProgram:
    def test_list_and_show(self, capsys: pytest.CaptureFixture[str]) -> None:
        record = _record()
        record.add_call(_entry(0))
        _checkpoint(record, "one")
        assert main(["checkpoints", "list"]) == 0
        listed = capsys.readouterr().out
        assert record.folder.name in listed and "  1 checkpoint  " in listed
        assert "\n1 recorded run, 0 MB of 20,000 MB, " in listed
        assert main(["checkpoints", "show", record.folder.name[:17]]) == 0
        shown = capsys.readouterr().out
        assert "1 calls of server" in shown and "1. one (0 MB, line 3)" in shown

    def test_a_folder_of_the_user_is_left_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        _record()
        for name in ("mine", f"mine{folders.PARTIAL}"):
            (store.root() / name).mkdir()
            os.utime(store.root() / name, (0, 0))
        assert main(["checkpoints", "list"]) == 0
        assert "mine" not in capsys.readouterr().out
        assert main(["checkpoints", "remove", "mine"]) == 2
        assert main(["checkpoints", "prune", "--size", "0"]) == 0
        assert {each.name for each in store.root().iterdir()} == {"mine", f"mine{folders.PARTIAL}"}

    def test_list_names_damaged_records(self, capsys: pytest.CaptureFixture[str]) -> None:
        file = _record().folder / "record.json"
        file.write_text("{}")
        (file.parent / "files" / "large").write_bytes(b"x" * 2_000_000)
        assert main(["checkpoints", "list"]) == 0
        listed = capsys.readouterr().out
        assert f"{file.parent.name}  not usable, 2 MB: {file} is damaged" in listed
        assert "0 recorded runs, 2 MB of" in listed
        assert main(["checkpoints", "show", file.parent.name]) == 2
        assert f"{file} is damaged: the field begin is missing" in capsys.readouterr().err
        assert main(["checkpoints", "remove", file.parent.name]) == 0
        assert not file.parent.exists()
        assert "\n0 recorded runs, " in listed

    def test_remove(self, capsys: pytest.CaptureFixture[str]) -> None:
        record = _record()
        assert main(["checkpoints", "remove", record.folder.name]) == 0
        assert capsys.readouterr().out == f"removed {record.folder.name}\n"
        assert not record.folder.exists()

    def test_an_unknown_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["checkpoints", "show", "x"]) == 2
        assert "there is no recorded run 'x'; there are: none" in capsys.readouterr().err

    def test_prune(self, capsys: pytest.CaptureFixture[str]) -> None:
        record = _record()
        _checkpoint(record, "one", 100_000)
        assert main(["checkpoints", "prune", "--size", "1"]) == 0
        assert record.folder.exists()
        assert main(["checkpoints", "prune", "--size", "0"]) == 0
        assert not record.folder.exists()
