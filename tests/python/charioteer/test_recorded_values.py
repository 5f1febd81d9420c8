"""Results of calls as JSON."""

import json
import subprocess
from typing import Any

import pytest
from charioteer import _core as core
from charioteer.testing.checkpoints.values import (
    NotRecordable,
    Piece,
    decode,
    decode_error,
    encode,
    encode_error,
    end_of,
    moved,
)


def _stored(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize(
    "value",
    [None, True, 1, 1.5, "text \udcff", b"\x00\xff", [1, "a"], (0, "out"), [(1, b"x")], {"a": [1]}],
)
def test_a_value_comes_back(value: Any) -> None:
    assert _stored(value) == value
    assert type(_stored(value)) is type(value)


def test_the_outcome_of_a_command_comes_back() -> None:
    outcome = core.Outcome(
        status=3,
        signal=0,
        output=b"out",
        errors=b"\xff",
        duration=0.5,
        timed_out=False,
        begun=1.5,
        ended=2.25,
    )
    stored = _stored(outcome)
    assert isinstance(stored, core.Outcome)
    assert (stored.status, stored.output, stored.errors) == (3, b"out", b"\xff")
    assert (stored.signal, stored.duration, stored.timed_out) == (0, 0.5, False)
    assert (stored.begun, stored.ended) == (1.5, 2.25)


def test_the_times_of_an_outcome_can_be_moved() -> None:
    stored = encode(core.Outcome(status=3, begun=1.5, ended=2.25))
    assert end_of(stored) == 2.25
    later = decode(moved(stored, 10))
    assert (later.status, later.begun, later.ended) == (3, 11.5, 12.25)
    for other in (encode(b"text"), "text", None, [1]):
        assert end_of(other) is None
        assert moved(other, 10) == other


def test_output_and_console_text_come_back() -> None:
    piece = _stored(Piece(True, b"data"))
    assert (piece.is_errors, piece.data) == (True, b"data")
    text = _stored(core.ConsoleText(["line"], "rest"))
    assert (text.lines, text.rest) == (["line"], "rest")


@pytest.mark.parametrize(
    "error",
    [
        core.MachineError("server: text"),
        core.ShellError("gone"),
        core.RequestedAssertionFailed("no"),
        subprocess.TimeoutExpired("true", 3.0),
        FileExistsError(17, "exists", "/x"),
        StopIteration(),
    ],
)
def test_an_exception_comes_back_with_its_notes(error: Exception) -> None:
    error.add_note("a note")
    stored = decode_error(json.loads(json.dumps(encode_error(error))))
    assert type(stored) is type(error)
    assert str(stored) == str(error)
    assert stored.__notes__ == ["a note"]


def test_other_objects_are_refused() -> None:
    with pytest.raises(NotRecordable, match="a value of the type object"):
        encode([object()])
    with pytest.raises(NotRecordable, match="an exception of the type KeyError"):
        encode_error(KeyError("x"))
