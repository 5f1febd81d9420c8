"""The comparison of a script's calls with recorded ones."""

import inspect
import threading
from pathlib import Path
from typing import Any

import pytest
from charioteer.testing.checkpoints import calls, entries
from charioteer.testing.checkpoints.calls import CALLS, Call, Places
from charioteer.testing.checkpoints.entries import Difference, Entry, MachineState, Matching
from support import core_stub


_OFF, _ON = MachineState(), MachineState(True, True, 7)


def _call(method: str, **named: Any) -> Call:
    return calls.make(method, CALLS[method], named, Places(Path("/out"), Path("/run/test")))


def _entry(number: int, text: str, on_main_thread: bool = True) -> Entry:
    return Entry(number, "run", text, f"run({text})", number + 1, on_main_thread, _OFF, _ON)


def _made(text: str) -> Call:
    return Call("run", text, f"run({text})")


def test_the_table_has_the_parameters_of_the_core() -> None:
    for kind in ("Machine", "Guest"):
        for name, declared in core_stub.methods(core_stub.STUB[kind]).items():
            if name in CALLS:
                parameters = list(inspect.signature(declared).parameters)[1:]
                assert list(CALLS[name].parameters) == parameters, name


def test_every_method_of_the_core_is_recorded_or_known_to_need_no_record() -> None:
    # Objects and sockets are recorded by RecordedMachine itself. The others do not change what a
    # script can see of a guest, or are called by the driver only.
    by_itself = {"begin", "read_screen", "attach_shell", "detach_shell", "__init__"}
    unrecorded = {"yield_directory", "release", "add_console_lines"}
    checkpoints = {"pause", "resume", "save_state", "load_state", "console_state"}
    known = {*CALLS, *by_itself, *unrecorded, *checkpoints, "restore_console"}
    declared = {
        name for kind in ("Machine", "Guest") for name in core_stub.methods(core_stub.STUB[kind])
    }
    assert declared - known == set()


def test_limits_do_not_make_calls_different() -> None:
    assert _call("run", command="true", timeout=1) == _call("run", command="true", timeout=9)
    assert _call("run", command="true") == _call("run", command="true", input=None)
    assert _call("run", command="true").key != _call("run", command="false").key
    assert (
        _call("run", command="cat", input=b"a").key != _call("run", command="cat", input=b"b").key
    )


def test_paths_of_the_run_do_not_make_calls_different(tmp_path: Path) -> None:
    kind = CALLS["run"]
    here = calls.make(
        "run", kind, {"command": "ls /out /run/test"}, Places(Path("/out"), Path("/run/test"))
    )
    there = calls.make("run", kind, {"command": "ls /o /r"}, Places(Path("/o"), Path("/r")))
    assert here == there
    # The names of temporary files are others in each run.
    assert _call("screenshot", path="/tmp/a/s.png") == _call("screenshot", path="/tmp/b/s.png")
    assert _call("screenshot", path="/out/a.png").key != _call("screenshot", path="/out/b.png").key


def test_the_content_of_a_copied_file_is_compared(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    before = _call("copy_in", source=str(file), target="/root")
    file.write_text("two")
    assert _call("copy_in", source=str(file), target="/root").key != before.key
    folder = tmp_path / "folder"
    folder.mkdir()
    before = _call("copy_in", source=str(folder), target="/root")
    (folder / "link").symlink_to("nowhere")
    assert _call("copy_in", source=str(folder), target="/root").key != before.key


def test_calls_of_the_main_thread_are_matched_in_their_order() -> None:
    matching = Matching("server", [_entry(0, "a"), _entry(1, "b")])
    first = matching.take(_made("a"), 1, True)
    assert isinstance(first, Entry) and first.number == 0
    differs = matching.take(_made("c"), 7, True)
    assert str(differs) == "line 7: server.run(c) was called; recorded is run(b)"


def test_calls_of_other_threads_are_matched_in_any_order() -> None:
    matching = Matching("server", [_entry(0, "a", False), _entry(1, "b", False), _entry(2, "c")])
    second = matching.take(_made("b"), None, False)
    assert isinstance(second, Entry) and second.number == 1
    # The main thread's calls are not taken for those of others.
    assert isinstance(matching.take(_made("c"), 3, False), Difference)
    assert isinstance(matching.take(_made("c"), 3, True), Entry)


def test_threads_may_connect_a_machine_in_any_order() -> None:
    start = Entry(0, "start", "key", "start()", None, False, _OFF, _ON)
    matching = Matching("server", [start])
    # Two threads did so, and now none does, or three.
    assert matching.left_before(1, 0.0) is None
    assert matching.take(Call("start", "key", "start()"), None, False) == start
    assert matching.take(Call("start", "key", "start()"), None, False) is None
    assert isinstance(matching.take(Call("start", "key", "start()"), 2, True), Difference)


def test_a_call_after_the_end_of_the_record_differs() -> None:
    differs = Matching("server", []).take(_made("a"), 3, True)
    assert str(differs) == "line 3: server.run(a) is not recorded"


def test_calls_that_were_left_out_are_noticed() -> None:
    matching = Matching("server", [_entry(0, "a", False), _entry(1, "b"), _entry(2, "c")])
    assert matching.has_main_before(2) and not matching.has_main_before(1)
    left = matching.left_before(2, 0.0)
    assert str(left) == "line 1: server.run(a) is recorded, and was not called"
    assert matching.left_before(0, 0.0) is None


def test_a_checkpoint_waits_for_calls_of_other_threads() -> None:
    matching = Matching("server", [_entry(0, "a", False)])
    thread = threading.Thread(target=lambda: matching.take(_made("a"), None, False))
    thread.start()
    assert matching.left_before(1, 60.0) is None
    thread.join()


def test_a_record_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    file = tmp_path / "server"
    lines = [_entry(number, "a").to_json() for number in (0, 1, 2)]
    file.write_text("\n".join(lines)[:-20])
    assert [each.number for each in entries.read(file)] == [0, 1]
    # A call that never returned: what came after it cannot be used either.
    file.write_text(f"{lines[0]}\n{lines[2]}\n")
    assert [each.number for each in entries.read(file)] == [0]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"number": 0}', "null"])
def test_garbage_in_a_record_ends_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "server"
    file.write_text(f"{_entry(0, 'a').to_json()}\n{text}\n{_entry(1, 'a').to_json()}\n")
    assert len(entries.read(file)) == 1
