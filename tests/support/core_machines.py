"""Fixtures: machines of the core, `charioteer._core.Machine`, with a fake QEMU."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from charioteer import _core

from support.leftovers import expect_nothing_left
from support.testbed import FAKE_QEMU

PLAIN = FAKE_QEMU
"""A start command whose guest's root shell is bash on this host, without an agent."""
WITH_AGENT = f"env FAKE_QEMU_AGENT=real {PLAIN}"
"""The same with a port for the agent, which runs on this host."""


class MakeMachine(Protocol):
    """Creates a machine named `name` with a FAKE_QEMU_MODE."""

    def __call__(
        self,
        mode: str = "",
        command: str = PLAIN,
        idle: Callable[[bool], None] | None = None,
        keep_state: bool = False,
        name: str = "web",
    ) -> _core.Machine:
        ...


@pytest.fixture
def reporter(monkeypatch: pytest.MonkeyPatch) -> _core.Reporter:
    monkeypatch.setenv("CHARIOTEER_ACCEL", "tcg")
    return _core.Reporter(terminal=False, queue=True)


@pytest.fixture
def make_machine(folder: Path, reporter: _core.Reporter) -> Iterator[MakeMachine]:
    """Releases the machines at the end of the test, and fails if they leave something behind."""
    made: list[_core.Machine] = []

    def make(
        mode: str = "",
        command: str = PLAIN,
        idle: Callable[[bool], None] | None = None,
        keep_state: bool = False,
        name: str = "web",
    ) -> _core.Machine:
        if mode:
            command = f"env FAKE_QEMU_MODE={mode} {command}"
        state = str(folder / f"vm-state-{name}")
        made.append(_core.Machine(name, command, state, str(folder), reporter, idle, keep_state))
        return made[-1]

    yield make
    for machine in made:
        machine.release()
    expect_nothing_left(folder)
