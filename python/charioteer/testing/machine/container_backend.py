"""The backend of containers."""

import dataclasses
import subprocess
from typing import Protocol

from charioteer.testing.duration import Duration, seconds
from charioteer.testing.machine import probes
from charioteer.testing.machine.backend import Command
from charioteer.testing.machine.core_backend import Connected, CoreBackend
from charioteer.testing.machine.result import Result


class Container(Connected, Protocol):
    """What the backend needs of its machine."""

    def _follow_journal(self) -> None:
        ...


class ContainerBackend(CoreBackend):
    """Where a script reads only status and output, they are as of upstream's `execute`, which runs
    a program by subprocess: a limit that passes is an exception, and a signal a negative status.
    """

    def __init__(self, machine: Container) -> None:
        super().__init__(machine)
        self._container = machine

    def run(self, command: Command) -> Result:
        if command.all_errors:
            return super().run(command)
        self._container.run_callbacks()
        return self.execute(command)

    def execute(self, command: Command) -> Result:
        """Runs a command without callbacks. Raises subprocess.TimeoutExpired, MachineError."""
        result = self._run(command)
        if result.timed_out:
            assert command.timeout is not None
            probes.expect_answer(command.text, probes.CUT_OFF)
            raise subprocess.TimeoutExpired(command.text, seconds(command.timeout))
        return dataclasses.replace(result, status=-result.signal) if result.signal else result

    def _run(self, command: Command) -> Result:
        result = super()._run(command)
        # Where it was slow there was no journal yet when the container was ready.
        self._container._follow_journal()
        return result

    def wait_for_command(
        self, command: str, success: bool, timeout: Duration, attempt_timeout: Duration | None
    ) -> str:
        # An attempt that the limit of the wait cuts off is an exception here, too.
        return self._by_execute.wait_for_command(command, success, timeout, attempt_timeout)
