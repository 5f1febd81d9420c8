"""How the commands of a machine are run, and the waits that are made of commands."""

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
    """A command, and how it is to be run."""

    text: str
    stdin: bytes | None = None  # None: empty
    timeout: Duration | None = None
    stream: bool = False
    """Whether lines of its output are logged as they come."""
    all_errors: bool = False
    """Whether its standard error is wanted whole; else some KiB of its end will do."""


class Executing(Protocol):
    """What the backends need of their machine."""

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
    """One way to run commands in a machine, which is started if need be."""

    @abstractmethod
    def run(self, command: Command) -> Result:
        """Runs a command whatever its status. Raises MachineError."""

    @abstractmethod
    def spawn(self, command: Command, has_input: bool) -> Process:
        """Starts a command. Raises MachineError when that is not possible."""

    @abstractmethod
    def wait_for_command(
        self, command: str, success: bool, timeout: Duration, attempt_timeout: Duration | None
    ) -> str:
        """Runs a command of the script again and again until it succeeds, or fails.

        Each run has the limit of the wait, and one that it cuts off has failed; one that
        `attempt_timeout` cuts off has neither succeeded nor failed. Returns the last output.
        """

    @abstractmethod
    def wait_for_probe(
        self,
        command: str,
        success: bool,
        timeout: Duration,
        hint: Sequence[str],
        attempt_timeout: Duration | None,
    ) -> None:
        """Runs a probe until it succeeds, or fails.

        `hint` names what in the guest may report that it is time for the next probe; backends
        without such reports ignore it. `attempt_timeout` is the limit of each probe.
        """

    @abstractmethod
    def wait_for_unit(self, unit: str, user: str | None, timeout: Duration) -> None:
        """Waits until the unit is active; see `machine.wait_for_unit`."""


class ExecuteBackend(Backend):
    """By the machine's `execute` alone, which may be that of a script."""

    def __init__(self, machine: Executing) -> None:
        self._machine = machine

    def run(self, command: Command) -> Result:
        """As the base class; raises MachineError for input, too, which `execute` has not."""
        machine = self._machine
        if command.stdin is not None:
            raise MachineError(
                f"{machine.name}: input for `{command.text}` needs the driver's own way to run "
                f"commands, which {type(machine).__name__} does not use"
            )
        begin = time.monotonic()
        status, output = machine.execute(command.text, timeout=command.timeout)
        if command.stream and not machine.streams:
            machine._log_output(output)
        spent = time.monotonic() - begin
        return Result(
            machine=machine,
            command=command.text,
            status=status,
            signal=None,
            stdout_bytes=output.encode(errors="replace"),
            stderr_bytes=b"",
            duration=spent,
            timeout=command.timeout,
            waited=spent,
        )

    def spawn(self, command: Command, has_input: bool) -> Process:
        raise MachineError(
            f"{self._machine.name}: `{command.text}` cannot be spawned: that needs the guest agent, "
            f"which {type(self._machine).__name__} does not use"
        )

    def wait_for_command(
        self, command: str, success: bool, timeout: Duration, attempt_timeout: Duration | None
    ) -> str:
        output = ""

        def try_it(_last_try: bool) -> bool:
            nonlocal output
            limit = timeout if attempt_timeout is None else attempt_timeout
            status, output = self._machine.execute(command, timeout=limit)
            cut_off = attempt_timeout is not None and status == TIMED_OUT
            return (status == 0) == success and not cut_off

        retry(try_it, timeout=timeout)
        return output

    def wait_for_probe(
        self,
        command: str,
        success: bool,
        timeout: Duration,
        hint: Sequence[str],
        attempt_timeout: Duration | None,
    ) -> None:
        limit = probes.LONGEST if attempt_timeout is None else attempt_timeout

        def holds(_last_try: bool) -> bool:
            return (self._machine.execute(command, timeout=limit)[0] == 0) == success

        probes.wait_until(holds, timeout)

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
