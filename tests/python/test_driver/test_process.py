"""Commands in the background (`spawn`)."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import fake_core
import pytest
from charioteer._core import ShellError
from charioteer.testing.logger import TerminalLogger
from charioteer.testing.machine import QemuMachine
from charioteer.testing.machine.process import Process
from log_lines import log_lines


@pytest.fixture
def call(machine: QemuMachine) -> Iterator[fake_core.FakeCall]:
    """The call that `spawn` of `machine` starts; it ends with the test."""
    handle: Any = machine.handle
    made: fake_core.FakeCall = handle.call
    yield made
    made.end()


def write(call: fake_core.FakeCall, *pieces: bytes, is_errors: bool = False) -> None:
    for piece in pieces:
        call.output(piece, is_errors)


def fake_of(machine: QemuMachine) -> fake_core.FakeMachine:
    handle: Any = machine.handle
    assert isinstance(handle, fake_core.FakeMachine)
    return handle


def test_spawn_starts_a_command_and_logs_it(
    machine: QemuMachine, call: fake_core.FakeCall, logger: TerminalLogger
) -> None:
    process = machine.spawn("x", timeout=5)
    assert fake_of(machine).calls == [("begin", "x", False, 5)]
    assert log_lines(logger)[0] == "web: spawning: x"
    assert process.pid == 42 and process.poll() is None
    assert repr(process) == "<Process `x` on web: running>"


def test_a_machine_with_an_execute_of_its_own_can_spawn(
    machine: QemuMachine, call: fake_core.FakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "execute", lambda *_: (0, ""))
    machine.spawn("x")
    assert fake_of(machine).calls == [("begin", "x", False, None)]


def test_lines_may_be_split_anywhere_between_pieces(
    machine: QemuMachine, call: fake_core.FakeCall
) -> None:
    text = "one\n\ntwo\r\nthree é\nlast".encode()
    write(call, *(text[i : i + 1] for i in range(len(text))))
    call.end()
    assert list(machine.spawn("x")) == ["one", "", "two", "three é", "last"]


def test_lines_are_delivered_before_the_end(machine: QemuMachine, call: fake_core.FakeCall) -> None:
    process = machine.spawn("x")
    write(call, b"first\nsec")
    assert next(process) == "first"
    write(call, b"ond\n")
    assert next(process) == "second"
    call.end()
    assert list(process) == [] and process.wait().stdout == "first\nsecond\n"


def test_the_beginning_of_too_much_output_is_dropped(
    machine: QemuMachine,
    call: fake_core.FakeCall,
    logger: TerminalLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("charioteer.testing.machine.process._KEPT", 100)
    process = machine.spawn("x")
    lines = [f"line {number:02}" for number in range(30)]
    for line in lines:
        write(call, line.encode() + b"\n")
    call.end()
    kept = process.wait().stdout.splitlines()
    assert kept[1:] == lines[1 - len(kept) :] and 5 < len(kept) < 14
    warnings = [line for line in log_lines(logger) if "are kept" in line]
    assert warnings == [
        "web: warning: `x` has written more than 100 bytes to its standard output; "
        "only the last of them are kept"
    ]


def test_the_result(machine: QemuMachine, call: fake_core.FakeCall) -> None:
    process = machine.spawn("x", timeout=5)
    write(call, b"out\xff")
    write(call, b"err\xff", is_errors=True)
    call.end(143, 15)
    result = process.wait()
    assert (result.status, result.signal, result.timeout) == (143, 15, 5)
    assert (result.stdout_bytes, result.stderr_bytes) == (b"out\xff", b"err\xff")
    assert process.wait() is result and process.poll() == 143
    assert process.stdout == "out\ufffd" and process.stderr == "err\ufffd"
    assert repr(process) == "<Process `x` on web: status 143>"


def test_lines_of_standard_error_go_to_the_console(
    machine: QemuMachine, call: fake_core.FakeCall
) -> None:
    process = machine.spawn("x")
    write(call, b"a\n\nb", b"c\nd", is_errors=True)
    call.end()
    process.wait()
    assert fake_of(machine).console_lines == [b"a", b"", b"bc", b"d"]


def test_a_wait_may_time_out_and_be_repeated(
    machine: QemuMachine, call: fake_core.FakeCall
) -> None:
    process = machine.spawn("x")
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        process.wait(timeout=0)
    assert caught.value.cmd == "x" and caught.value.timeout == 0
    call.end()
    assert process.wait(timeout=60).ok


def test_a_lost_guest_raises_an_error(machine: QemuMachine, call: fake_core.FakeCall) -> None:
    process = machine.spawn("x")
    write(call, b"first\nhalf")
    call.pieces.put(ShellError("web: gone"))
    assert next(process) == "first" and next(process) == "half"
    waits: list[Callable[[], object]] = [process.wait, lambda: next(process)]
    for wait in waits:
        with pytest.raises(ShellError, match="web: gone"):
            wait()
    assert process.poll() is None


def test_input(machine: QemuMachine, call: fake_core.FakeCall) -> None:
    process = machine.spawn("x", stdin=True)
    process.write("é")
    process.write(b"\xff")
    process.close_stdin()
    assert call.requests == [("write", "é".encode()), ("write", b"\xff"), ("end_input",)]


def test_input_must_be_requested(machine: QemuMachine, call: fake_core.FakeCall) -> None:
    with pytest.raises(ValueError, match="`x` has no input; spawn it with stdin=True"):
        machine.spawn("x").write("y")


class TestEnd:
    def test_kill(self, machine: QemuMachine, call: fake_core.FakeCall) -> None:
        process = machine.spawn("x")
        process.kill()
        process.kill(9)
        assert call.requests == [("signal", 0), ("signal", 9)]

    def test_a_block_kills_and_waits(self, machine: QemuMachine, call: fake_core.FakeCall) -> None:
        setattr(call, "signal", lambda number: call.end(143, 15))
        with machine.spawn("x") as process:
            assert process.poll() is None
        assert process.poll() == 143

    def test_a_block_makes_the_same_call_for_an_ended_process(
        self, machine: QemuMachine, call: fake_core.FakeCall
    ) -> None:
        # A script that is answered from a record may come to this place before or after the end.
        call.end()
        with machine.spawn("x") as process:
            process.wait()
        assert call.requests == [("signal", 0)]

    def test_a_process_has_ended_when_the_guest_reports_it(
        self, machine: QemuMachine, call: fake_core.FakeCall
    ) -> None:
        process = machine.spawn("x")
        write(call, b"last\n")
        call.end(3)
        # Whether or not the reading thread has come to the end.
        assert process.poll() == 3 and process.stdout == "last\n"

    def test_ctrl_c_in_a_block_does_not_wait(
        self, machine: QemuMachine, call: fake_core.FakeCall
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            with machine.spawn("x"):
                raise KeyboardInterrupt
        assert call.requests == [("signal", 0)]

    def test_detached(self, machine: QemuMachine, call: fake_core.FakeCall) -> None:
        with machine.spawn("x") as process:
            process.detach()
        assert call.requests == [("detach",)] and list(process) == []
        uses: list[Callable[[], object]] = [process.wait, process.kill, process.close_stdin]
        for use in uses:
            with pytest.raises(ValueError, match="web: `x` was detached"):
                use()


def test_two_threads_share_the_lines(machine: QemuMachine, call: fake_core.FakeCall) -> None:
    process = machine.spawn("x")
    seen: list[list[str]] = [[], []]

    def iterate(process: Process, into: list[str]) -> None:
        into.extend(process)

    threads = [threading.Thread(target=iterate, args=(process, into)) for into in seen]
    for thread in threads:
        thread.start()
    lines = [str(number) for number in range(1000)]
    write(call, *(f"{line}\n".encode() for line in lines))
    call.end()
    for thread in threads:
        thread.join()
    assert sorted(seen[0] + seen[1], key=int) == lines


def test_polling_conditions_are_checked_during_a_wait(
    machine: QemuMachine, call: fake_core.FakeCall
) -> None:
    process = machine.spawn("x")

    def refuse() -> None:
        raise ValueError("does not hold")

    machine.callbacks.append(refuse)
    with pytest.raises(ValueError, match="does not hold"):
        process.wait()
