"""The pipes of programs of the host, and who holds them."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from charioteer.testing.machine.pipe_reader import PipeReader

from support.patience import until

# Of a failing run, in seconds.
LIMIT = 60


class Shell:
    """A shell under way, its standard output read; `held` are the warnings."""

    def __init__(self, script: str) -> None:
        self.program = subprocess.Popen(
            ["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.program.stdout is not None
        self.lines: list[bytes] = []
        self.held: list[bool] = []
        self.output = PipeReader(self.program.stdout, self.lines.append)

    def open_gate(self) -> None:
        """Ends the input, which what stays in the background waits for."""
        assert self.program.stdin is not None
        self.program.stdin.close()

    def wait(self, end: float | None = None, limit: float = LIMIT) -> bool:
        self.program.wait(LIMIT)
        return self.output.wait_for_holders(end, limit, self.held.append)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def begin(stack: ExitStack, script: str) -> Shell:
    shell = Shell("exec 3<&0; " + script)
    stack.callback(shell.open_gate)
    return shell


def test_all_comes_and_is_told_in_lines(stack: ExitStack) -> None:
    shell = begin(stack, "printf 'a\\nb\\n\\xff'")
    assert shell.wait() and shell.output.take_all() == b"a\nb\n\xff"
    assert shell.lines == [b"a", b"b", b"\xff"] and shell.held == []


def test_the_last_holder_is_waited_for(stack: ExitStack) -> None:
    shell = begin(stack, "(cat <&3; echo late) & echo early")
    shell.program.wait(LIMIT)
    shell.open_gate()
    assert shell.wait() and shell.output.take_all() == b"early\nlate\n"


def test_a_moment_may_pass_before(stack: ExitStack) -> None:
    shell = begin(stack, "(cat <&3; echo late) & echo early")
    assert not shell.wait(end=time.monotonic())
    assert shell.output.take_all() == b"early\n" and shell.held == []


def test_holders_that_are_silent_are_given_up_and_named(stack: ExitStack) -> None:
    shell = begin(stack, "(exec cat <&3) & echo $!")
    assert shell.wait(limit=0.01) and shell.held == [True]
    pid = shell.output.take_all().decode().strip()
    # Until the shell in the background has become it.
    until(lambda: shell.output.holders() == f"cat (pid {pid})", LIMIT, shell.output.holders)


def test_what_is_in_the_pipe_is_taken_though_it_is_held(stack: ExitStack) -> None:
    shell = begin(stack, "(exec cat <&3) & head -c 60000 /dev/zero")
    shell.program.wait(LIMIT)
    assert shell.output.take_all() == bytes(60_000)


def test_a_logger_that_raises_keeps_nothing_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _arguments: None)

    def refuse(_line: bytes) -> None:
        raise ValueError("no such line")

    program = subprocess.Popen(["echo", "a"], stdout=subprocess.PIPE)
    assert program.stdout is not None
    output = PipeReader(program.stdout, refuse)
    program.wait(LIMIT)
    assert output.wait_for_holders(None, LIMIT, lambda _given_up: None)
    assert output.take_all() == b"a\n"


def test_one_that_writes_for_ever_is_no_obstacle(stack: ExitStack) -> None:
    shell = begin(stack, "yes & cat <&3; kill $!")
    assert shell.output.take_all() is not None
