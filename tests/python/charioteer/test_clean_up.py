"""The clean-up at the end of a run."""

import threading

import pytest
from charioteer.testing.clean_up import CleanUpErrors
from charioteer.testing.logger import CompositeLogger


def test_goes_on_when_the_system_gives_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ended = []

    def fail() -> None:
        raise ValueError("why")

    monkeypatch.setattr(threading.Thread, "start", start)
    errors = CleanUpErrors(CompositeLogger([]))
    errors.attempt_all([("one", lambda: ended.append(1)), ("two", fail)])
    errors.attempt_all([("three", lambda: ended.append(3))])
    assert ended == [1, 3]
    assert str(errors) == "Error during cleanup of two: why"
