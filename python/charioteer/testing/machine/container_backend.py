"""The backend of containers."""

import dataclasses
import subprocess

from charioteer.testing.duration import seconds
from charioteer.testing.machine import probes
from charioteer.testing.machine.backend import Command, Wait
from charioteer.testing.machine.core_backend import CoreBackend
from charioteer.testing.machine.result import TIMED_OUT, Result


class ContainerBackend(CoreBackend):
    """Returns status and output as upstream's containers do, whose `execute` runs a subprocess.

    A command that exceeds its limit raises an exception, and the status after a signal is negative.
    This does not apply to `machine.run`, which upstream does not have.
    """

    def run(self, command: Command) -> Result:
        if command.all_errors:
            return super().run(command)
        self._machine.run_callbacks()
        return self.execute(command)

    def execute(self, command: Command) -> Result:
        """Runs a command without callbacks. Raises subprocess.TimeoutExpired, MachineError."""
        result = self._run(command)
        if result.timed_out:
            assert command.timeout is not None
            probes.raise_if_aborted(command.text, TIMED_OUT)
            raise subprocess.TimeoutExpired(command.text, seconds(command.timeout))
        return dataclasses.replace(result, status=-result.signal) if result.signal else result

    def wait_for_command(self, wait: Wait) -> str:
        # By `execute`, so that an attempt that exceeds the limit of the wait raises an exception.
        return self._by_execute.wait_for_command(wait)
