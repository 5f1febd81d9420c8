"""The fake core accepts exactly the calls that the core accepts."""

from pathlib import Path
from typing import Any

import fake_core
import pytest
from support.core_stub import fake_of, value_of


@pytest.fixture
def fake(tmp_path: Path) -> Any:
    return fake_core.FakeMachine(
        "web", "run", str(tmp_path), str(tmp_path), fake_core.FakeReporter()
    )


def test_a_method_that_the_core_does_not_have(fake: Any) -> None:
    with pytest.raises(AttributeError, match="send_kye"):
        fake.send_kye("a")


@pytest.mark.parametrize(
    "arguments", [(), ("a", "b"), (7,), (b"a",)], ids=["too few", "too many", "a number", "bytes"]
)
def test_arguments_that_do_not_match_the_stub(fake: Any, arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        fake.send_key(*arguments)
    fake.send_key("a")
    assert fake.calls == [("send_key", "a")]


def test_an_option_that_the_core_does_not_have(fake: Any) -> None:
    with pytest.raises(TypeError, match="timout"):
        fake.wait_for_shutdown(timout=5)


def test_objects_of_the_core_are_passed_as_fakes(fake: Any, tmp_path: Path) -> None:
    session = fake_core.FakeSession(fake_core.FakeReporter())
    session.adopt_machine(fake)  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        session.adopt_vlan(fake)  # type: ignore[attr-defined]


def test_a_fake_has_no_method_beyond_the_stub() -> None:
    class Session:
        def adopt_all(self) -> None:
            raise NotImplementedError

    with pytest.raises(TypeError, match="Session.adopt_all is not in the stub"):
        fake_of("Session")(Session)


def test_a_value_has_the_attributes_of_the_stub() -> None:
    assert value_of("Piece", data=b"a", is_errors=False).data == b"a"
    with pytest.raises(TypeError, match="is_errors"):
        value_of("Piece", data=b"a")
    with pytest.raises(TypeError, match="status"):
        value_of("Piece", data=b"a", is_errors=False, status=0)
