"""The backends of machines: ways to run commands, and to wait for conditions by commands."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from charioteer.testing.duration import Duration
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import probes
from charioteer.testing.machine.process import Process
from charioteer.testing.machine.result import TIMED_OUT, Result
from charioteer.testing.machine.retry import retry


@dataclass(frozen=True)
class Command:
    """A command with its options."""

    text: str
    stdin: bytes | None = None
    """Its standard input; empty if None."""
    timeout: Duration | None = None
    stream: bool = False
    """Whether the lines of its output are logged as they arrive."""
    all_errors: bool = False
    """Whether all of its standard error is returned, or only some KiB of its end."""


@dataclass(frozen=True)
class Wait:
    """A wait that runs a command repeatedly until it succeeds, or until it fails."""

    command: str
    success: bool
    """Whether the command's success ends the wait, or its failure."""
    timeout: Duration
    attempt_timeout: Duration | None = None
    """The limit of each attempt; an attempt that exceeds it neither succeeds nor fails."""
    hint: Sequence[str] = ()
    """A program of the agent that ends when the next attempt is due, with its arguments.

    Backends without the agent ignore it.
    """


class Executing(Protocol):
    """The part of a machine that the backends use."""

    name: str
    logger: AbstractLogger
    streams: bool

    def run_callbacks(self) -> None:
        ...

    def execute(self, command: str, *, timeout: Duration | None) -> tuple[int, str]:
        ...

    def systemctl(self, q: str, user: str | None) -> tuple[int, str]:
        ...

    def get_unit_property(self, unit: str, property: str, user: str | None) -> str:
        ...

    def _log_output(self, output: str) -> None:
        ...


class Backend(ABC):
    """A way to run commands in a machine, which is started first if it is off."""

    @abstractmethod
    def run(self, command: Command) -> Result:
        """Runs a command; its status is not checked. Raises MachineError."""

    @abstractmethod
    def spawn(self, command: Command, has_input: bool) -> Process:
        """Starts a command without waiting for its end. Raises MachineError."""

    @abstractmethod
    def wait_for_command(self, wait: Wait) -> str:
        """Waits by a command of the script; returns its last output.

        Without `attempt_timeout` each attempt has the limit of the wait, and fails at it.
        """

    @abstractmethod
    def wait_for_probe(self, wait: Wait) -> None:
        """Waits by a command of the driver, a probe.

        Without `attempt_timeout` the limits of the module `probes` apply.
        """

    @abstractmethod
    def wait_for_unit(self, unit: str, user: str | None, timeout: Duration) -> None:
        """Waits until the unit is active; see `machine.wait_for_unit`."""


class ExecuteBackend(Backend):
    """Uses only the machine's `execute`, which a script may have replaced."""

    def __init__(self, machine: Executing) -> None:
        self._machine = machine

    def run(self, command: Command) -> Result:
        """Runs a command. Raises MachineError also for input, which `execute` does not support."""
        machine = self._machine
        if command.stdin is not None:
            raise MachineError(
                f"{machine.name}: input for `{command.text}` is not supported, since "
                f"{type(machine).__name__} overrides execute()"
            )
        begun = time.monotonic()
        status, output = machine.execute(command.text, timeout=command.timeout)
        ended = time.monotonic()
        if command.stream and not machine.streams:
            machine._log_output(output)
        return Result(
            machine=machine,
            command=command.text,
            status=status,
            signal=None,
            stdout_bytes=output.encode(errors="replace"),
            stderr_bytes=b"",
            duration=ended - begun,
            timeout=command.timeout,
            waited=ended - begun,
            begun=begun,
            ended=ended,
        )

    def spawn(self, command: Command, has_input: bool) -> Process:
        raise MachineError(
            f"{self._machine.name}: `{command.text}` cannot be spawned: that needs the guest agent, "
            f"which {type(self._machine).__name__} does not use"
        )

    def wait_for_command(self, wait: Wait) -> str:
        limit = wait.timeout if wait.attempt_timeout is None else wait.attempt_timeout
        output = ""

        def attempt(_last_try: bool) -> bool:
            nonlocal output
            status, output = self._machine.execute(wait.command, timeout=limit)
            aborted = wait.attempt_timeout is not None and status == TIMED_OUT
            return (status == 0) == wait.success and not aborted

        retry(attempt, timeout=wait.timeout)
        return output

    def wait_for_probe(self, wait: Wait) -> None:
        limit = probes.PROBE_LIMIT if wait.attempt_timeout is None else wait.attempt_timeout

        def holds(_last_try: bool) -> bool:
            return (self._machine.execute(wait.command, timeout=limit)[0] == 0) == wait.success

        probes.wait_until(holds, wait.timeout)

    def wait_for_unit(self, unit: str, user: str | None, timeout: Duration) -> None:
        probes.wait_until(lambda _last_try: self._is_active(unit, user), timeout)

    def _is_active(self, unit: str, user: str | None) -> bool:
        machine = self._machine
        state = machine.get_unit_property(unit, "ActiveState", user)
        if state == "failed":
            raise RequestedAssertionFailed(f'unit "{unit}" reached state "{state}"')
        if state == "inactive":
            _, jobs = machine.systemctl("list-jobs --full 2>&1", user)
            if "No jobs" in jobs:
                state = machine.get_unit_property(unit, "ActiveState", user)
                if state == "inactive":
                    raise RequestedAssertionFailed(
                        f'unit "{unit}" is inactive and there are no pending jobs'
                    )
        return state == "active"
