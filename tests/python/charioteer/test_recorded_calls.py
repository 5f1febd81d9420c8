"""The comparison of a script's calls with recorded ones."""

import inspect
import threading
from pathlib import Path
from typing import Any

import pytest
from charioteer.testing.caller import Caller, Kind, caller, working_for
from charioteer.testing.cancellation import Cancelled
from charioteer.testing.checkpoints import calls, entries
from charioteer.testing.checkpoints.calls import CALLS, Call, Places
from charioteer.testing.checkpoints.entries import Difference, Entry, MachineState
from charioteer.testing.checkpoints.matching import Matching
from support import core_stub


_OFF, _ON = MachineState(), MachineState(True, True, 7)


def _call(method: str, **named: Any) -> Call:
    return calls.make(method, CALLS[method], named, Places(Path("/out"), Path("/run/test")))


def _entry(
    number: int, text: str, kind: Kind = Kind.MAIN, position: int = 0, **fields: Any
) -> Entry:
    given: dict[str, Any] = {
        "machine": "server",
        "method": "run",
        "key": text,
        "text": f"run({text})",
        **fields,
    }
    return Entry(
        number=number,
        line=number + 1,
        kind=kind,
        position=position,
        before=_OFF,
        after=_ON,
        **given,
    )


MAIN = Caller(Kind.MAIN, 7)
FOR_MAIN = Caller(Kind.FOR_MAIN, 7)
OTHER = Caller(Kind.OTHER, 7)


def _made(text: str, method: str = "run") -> Call:
    return Call(method, text, f"{method}({text})")


def _text(matching: Matching, text: str, who: Caller = MAIN, machine: str = "server") -> str:
    """The call that `text` repeats, or the difference."""
    found = matching.take(machine, _made(text), who)
    return found.text if isinstance(found, Entry) else str(found)


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
    checkpoints = {"pause", "resume", "reseed", "save_state", "load_state", "console_state"}
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
    seen = {_call("copy_in", source=str(folder), target="/root").key}
    (folder / "link").symlink_to("nowhere")
    seen.add(_call("copy_in", source=str(folder), target="/root").key)
    (folder / "below").mkdir()
    seen.add(_call("copy_in", source=str(folder), target="/root").key)
    (folder / "below/file").write_text("text")
    seen.add(_call("copy_in", source=str(folder), target="/root").key)
    (folder / "below/file").rename(folder / "file")
    seen.add(_call("copy_in", source=str(folder), target="/root").key)
    (folder / "file").chmod(0o600)
    seen.add(_call("copy_in", source=str(folder), target="/root").key)
    assert len(seen) == 6


def test_calls_of_the_main_thread_are_matched_in_their_order() -> None:
    matching = Matching([_entry(1, "b"), _entry(0, "a")])
    assert _text(matching, "a") == "run(a)"
    assert _text(matching, "c") == "line 7: server.run(c) is called; recorded is server.run(b)"


def test_the_order_between_machines_matters() -> None:
    matching = Matching([_entry(0, "a"), _entry(1, "b", machine="client")])
    swapped = _text(matching, "b", machine="client")
    assert swapped == "line 7: client.run(b) is called; recorded is server.run(a)"


def test_calls_of_other_threads_are_matched_in_any_order() -> None:
    matching = Matching([_entry(0, "a", Kind.OTHER), _entry(1, "b", Kind.OTHER), _entry(2, "c")])
    assert _text(matching, "b", OTHER) == "run(b)"
    # The main thread's calls are not taken for those of others.
    assert "was not called in the recorded run" in _text(matching, "c", OTHER)
    assert _text(matching, "c") == "run(c)"


def test_calls_on_all_machines_are_matched_at_their_place() -> None:
    both = [_entry(n, "a", Kind.FOR_MAIN, 0, machine=m) for n, m in enumerate(("one", "two"))]
    later = _entry(3, "b", Kind.FOR_MAIN, 1, machine="one")
    matching = Matching([*both, _entry(2, "c"), later])
    assert _text(matching, "a", FOR_MAIN, "two") == "run(a)"
    assert "was not called in the recorded run" in _text(matching, "b", FOR_MAIN, "one")
    assert _text(matching, "a", FOR_MAIN, "one") == "run(a)"
    assert _text(matching, "c") == "run(c)"
    assert _text(matching, "b", FOR_MAIN, "one") == "run(b)"


def test_threads_may_connect_a_machine_in_any_order() -> None:
    start = _entry(0, "key", Kind.OTHER, method="start")
    matching = Matching([start])
    # Two threads did so, and now none does, or three.
    assert matching.is_at(1, 0.0)
    assert matching.take("server", _made("key", "start"), OTHER) == start
    assert matching.take("server", _made("key", "start"), OTHER) is None
    assert isinstance(matching.take("server", _made("key", "start"), MAIN), Difference)


def test_a_call_after_the_end_of_the_record_differs() -> None:
    assert _text(Matching([]), "a") == "line 7: server.run(a) was not called in the recorded run"


def test_a_checkpoint_is_reached_when_exactly_the_calls_before_it_were_made() -> None:
    matching = Matching([_entry(0, "a"), _entry(1, "b")])
    assert matching.is_at(0, 0.0) and not matching.is_at(1, 0.0)
    matching.take("server", _made("a"), MAIN)
    assert matching.is_at(1, 0.0) and not matching.is_at(0, 0.0)
    matching.take("server", _made("b"), MAIN)
    # A call from after the checkpoint was answered, whose effect its machines do not have.
    assert not matching.is_at(1, 0.0)


def test_a_checkpoint_is_not_reached_without_the_calls_of_other_threads() -> None:
    assert not Matching([_entry(0, "a", Kind.OTHER)]).is_at(1, 0.0)


def test_a_checkpoint_waits_for_calls_of_other_threads() -> None:
    matching = Matching([_entry(0, "a", Kind.OTHER)])
    thread = threading.Thread(target=lambda: matching.take("server", _made("a"), OTHER))
    thread.start()
    assert matching.is_at(1, 60.0)
    thread.join()


def test_output_is_read_when_it_was_written() -> None:
    """A script that ends a background command must find it running, as in the recorded run."""
    ended = _entry(0, "end", Kind.OTHER, method="call.read", follows=2)
    matching = Matching([ended, _entry(1, "a"), _entry(2, "b")])
    answered = threading.Event()

    def read() -> None:
        matching.take("server", _made("end", "call.read"), OTHER)
        answered.set()

    thread = threading.Thread(target=read)
    thread.start()
    for text in "ab":
        assert not answered.is_set()
        assert _text(matching, text) == f"run({text})"
    thread.join()
    assert answered.is_set()


def test_a_read_that_detaching_ended_is_not_in_the_record() -> None:
    matching = Matching([_entry(0, "3", method="call.detach")])
    matching.take("server", _made("3", "call.detach"), MAIN)
    with pytest.raises(Cancelled):
        matching.take("server", _made("3", "call.read"), OTHER)
    other = matching.take("server", _made("4", "call.read"), OTHER)
    assert isinstance(other, Difference)


def test_a_read_waits_until_the_script_detaches_its_command() -> None:
    matching = Matching([_entry(0, "a"), _entry(1, "3", method="call.detach")])
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(Cancelled):
            matching.take("server", _made("3", "call.read"), OTHER)
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    matching.take("server", _made("a"), MAIN)
    assert not ended.is_set()
    matching.take("server", _made("3", "call.detach"), MAIN)
    thread.join()
    assert ended.is_set()


def test_a_script_that_reads_instead_of_detaching_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charioteer.testing.checkpoints.matching._ORDER_LIMIT", 0.05)
    matching = Matching([_entry(0, "3", method="call.detach")])
    difference = matching.take("server", _made("3", "call.read"), OTHER)
    assert isinstance(difference, Difference)


def test_a_call_is_read_as_it_was_written() -> None:
    entry = _entry(0, "a", Kind.FOR_MAIN, 3, value=[1], file="2", follows=4)
    assert entries.parse([entry.to_json()]) == [entry]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"number": 0}', "null"])
def test_a_damaged_record_is_read_up_to_there(text: str) -> None:
    lines = [_entry(0, "a").to_json(), text, _entry(1, "a").to_json()]
    assert [each.number for each in entries.parse(lines)] == [0]


def test_threads_of_a_call_on_all_machines_work_for_its_thread() -> None:
    def called() -> Caller:
        who = caller()
        seen = []

        def work() -> None:
            with working_for(who):
                seen.append(caller())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return seen[0]

    assert called().kind is Kind.FOR_MAIN
    others: list[Caller] = []
    thread = threading.Thread(target=lambda: others.append(called()))
    thread.start()
    thread.join()
    assert others[0].kind is Kind.OTHER
