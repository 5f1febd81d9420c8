"""A core without processes: guests are functions from commands to (status, output).

Calls that do not match the stub of the core raise TypeError.
"""

import json
import os
import queue
from collections.abc import Callable
from typing import Any

from charioteer import _core
from support.core_stub import fake_of, for_tests, value_of

Answer = Callable[[str], tuple[int, str]]


@fake_of("Reporter")
class FakeReporter:
    """Keeps the lines that are written."""

    def __init__(self, terminal: bool = True, queue: bool = False) -> None:
        self.terminal = terminal
        self.queue = queue
        self.serial = True
        self.warnings = True
        self.viewed = False
        self.consoles = True
        self.events: list[Any] = []
        self.lines: list[str] = []

    def drain(self) -> list[Any]:
        drained, self.events = self.events, []
        return drained

    def write(self, text: str) -> None:
        if self.terminal:
            self.lines.append(text)


def outcome_of(
    status: int, signal: int = 0, output: bytes = b"", errors: bytes = b""
) -> _core.Outcome:
    outcome: _core.Outcome = value_of(
        "Outcome",
        status=status,
        signal=signal,
        output=output,
        errors=errors,
        duration=0.5,
        timed_out=status == 124,
        begun=100.0,
        ended=101.5,
    )
    return outcome


def _record_call(call: Any, method: str, *arguments: Any) -> None:
    call.requests.append((method, *arguments))


@fake_of("Call", _record_call)
class FakeCall:
    """A command in a guest.

    `pieces` has its output; None is its end, an exception that the guest was lost.
    """

    def __init__(self) -> None:
        self.pid = 42
        self.pieces: queue.Queue[_core.Piece | Exception | None] = queue.Queue()
        self.outcome: _core.Outcome | None = None
        self.requests: list[tuple[Any, ...]] = []

    @for_tests
    def end(self, status: int = 0, signal: int = 0) -> None:
        self.outcome = outcome_of(status, signal)
        self.pieces.put(None)

    @for_tests
    def output(self, data: bytes, is_errors: bool = False) -> None:
        self.pieces.put(value_of("Piece", data=data, is_errors=is_errors))

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    def read(self, timeout: Any = None) -> _core.Piece | None:
        piece = self.pieces.get()
        if isinstance(piece, Exception):
            raise piece
        return piece


@fake_of("Process")
class FakeProcess:
    """A running QEMU."""

    pid = 77

    def poll(self) -> int | None:
        return None


def _record_on_machine(machine: Any, method: str, *arguments: Any) -> None:
    machine.calls.append((method, *arguments))
    if method in ("crash", "release"):
        machine.booted = machine.connected = False


@fake_of("Machine", _record_on_machine)
class FakeMachine:
    """A machine whose guest is the function `answer`; records all calls."""

    answer: Answer = staticmethod(lambda command: (0, ""))

    def __init__(
        self,
        name: str,
        start_command: str,
        state_dir: str,
        shared_dir: str,
        reporter: FakeReporter,
        idle: Callable[[bool], None] | None = None,
        keep_state: bool = False,
    ) -> None:
        self.name = name
        self.idle = idle
        self.booted = False
        self.connected = False
        self.calls: list[tuple[Any, ...]] = []
        self.console: list[list[str]] = []
        self.console_rest = ""
        self.mark = value_of("ConsoleMark")
        self.failure: Exception | None = None
        self.status = "running"
        self.options: list[dict[str, Any]] = []
        self.errors = b""
        self.call = FakeCall()
        self.console_lines: list[bytes] = []

    @property
    def pid(self) -> int | None:
        return 77 if self.booted else None

    @property
    def process(self) -> "FakeProcess | None":
        return FakeProcess() if self.booted else None

    def start(
        self,
        allow_reboot: bool = False,
        arguments: list[str] = [],
        command: str = "",
        full_command: str = "",
        environment: list[str] | None = None,
    ) -> None:
        if self.failure is not None:
            raise self.failure
        self.booted = True

    def connect(self) -> None:
        self.connected = True

    def qmp(self, command: str, arguments: str = "{}") -> str:
        self.calls.append(("qmp", command))
        status = {"status": self.status, "running": self.status == "running"}
        return json.dumps({"return": status if command == "query-status" else {}})

    def execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Any, log_output: bool
    ) -> tuple[int, str]:
        self.calls.append(("execute", command, timeout))
        self.options.append({"log_output": log_output})
        status, output = self.answer(command)
        return status if check_return else -1, output

    def run(
        self, command: str, input: bytes | None, timeout: Any, keep_errors: bool, log_output: bool
    ) -> _core.Outcome:
        self.calls.append(("run", command, timeout))
        self.options.append({"input": input, "keep_errors": keep_errors, "log_output": log_output})
        status, output = self.answer(command)
        return outcome_of(status, max(status - 128, 0), output.encode(), self.errors)

    def begin(self, command: str, input: bool, timeout: Any) -> "FakeCall":
        self.calls.append(("begin", command, input, timeout))
        return self.call

    def add_console_lines(self, lines: list[bytes]) -> None:
        self.console_lines += lines

    def wait_for_command(self, command: str, success: bool, timeout: Any) -> str:
        self.calls.append(("wait_for_command", command, success, timeout))
        return self.answer(command)[1]

    def wait_for_probe(self, command: str, success: bool, timeout: Any, hint: Any) -> None:
        self.calls.append(("wait_for_probe", command, success, timeout))
        self.hint = tuple(hint)

    def wait_for_unit(self, unit: str, user: str | None, timeout: Any) -> None:
        self.calls.append(("wait_for_unit", unit, user, timeout))

    def wait_for_shutdown(self, timeout: Any = None) -> None:
        self.booted = self.connected = False

    def console_tail(self, count: int) -> list[str]:
        return ["the last line"]

    def next_console_lines(self, timeout: float | None) -> list[str]:
        if not self.console:
            raise TimeoutError
        return self.console.pop(0)

    def next_console_text(
        self, timeout: float | None, seen: _core.ConsoleMark | None
    ) -> _core.ConsoleText:
        lines = self.console.pop(0) if self.console else []
        if not lines and (not self.console_rest or seen is self.mark):
            raise TimeoutError
        rest = "" if lines else self.console_rest
        mark = seen if lines else self.mark
        text: _core.ConsoleText = value_of("ConsoleText", lines=lines, rest=rest, mark=mark)
        return text


@fake_of("VLan")
class FakeVLan:
    def __init__(self, nr: int, tmp_dir: str, reporter: FakeReporter, tap: str = "") -> None:
        self.nr = nr
        self.socket_dir = f"{tmp_dir}/vde{nr}.ctl"
        self.stream_socket = f"{tmp_dir}/vde{nr}.stream"
        self.faults: dict[str, dict[str, Any]] = {}
        self.started: list[dict[str, Any]] = []
        self.failure: Exception | None = None  # of remove_fault

    def add_fault(
        self, name: str, kind: str, values: Any, links: Any, match: str, seed: int, origin: str
    ) -> "FakeFaultCounts":
        if match == "bad":
            raise ValueError("the filter 'bad' is not one of libpcap's: syntax error")
        fault = {"name": name, "kind": kind, "values": dict(values), "links": list(links)}
        self.faults[name] = {**fault, "match": match, "seed": seed, "origin": origin}
        self.started.append(self.faults[name])
        return FakeFaultCounts()

    def remove_fault(self, name: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.faults.pop(name, None)

    def counters(self) -> dict[str, int]:
        return {"received": 0}

    def stop(self, clients: float = 0, disks: float = 0) -> None:
        self.faults.clear()

    def keep_frames(self) -> None:
        pass

    def capture(self, fd: int, comment: str) -> "FakeCapture":
        os.close(fd)
        return FakeCapture()


@fake_of("Capture")
class FakeCapture:
    def stop(self, limit: float | None) -> str:
        return ""


@fake_of("FaultCounts")
class FakeFaultCounts:
    def named(self) -> dict[str, int]:
        return {"seen": 3, "dropped": 2, "held": 0}


@fake_of("Session")
class FakeSession:
    cleanup_errors: list[str] = []

    def __init__(self, reporter: FakeReporter) -> None:
        self.limit: Any = None
        self.limits: list[Any] = []

    def arm_timeout(self, timeout: Any) -> None:
        self.limit = timeout
        self.limits.append(timeout)

    def cancel_timeout(self) -> None:
        self.limit = None

    def close(self, clients: float = 0, disks: float = 0) -> list[str]:
        return list(self.cleanup_errors)
