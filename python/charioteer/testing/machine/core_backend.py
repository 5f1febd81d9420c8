"""The backend of virtual machines and containers: the core, over the agent or the root shell."""

import time
from typing import Protocol

from charioteer import _core as core
from charioteer.testing.duration import Duration
from charioteer.testing.machine.backend import Backend, Command, ExecuteBackend, Executing, Wait
from charioteer.testing.machine.process import Process
from charioteer.testing.machine.result import Result


class Connected(Executing, Protocol):
    """The part of a machine with a guest of the core that the backend uses."""

    def _connected(self) -> core.Guest:
        ...


class CoreBackend(Backend):
    """Commands and waits are run by the core, except waits with `attempt_timeout`."""

    def __init__(self, machine: Connected) -> None:
        self._machine = machine
        self._by_execute = ExecuteBackend(machine)

    def _ready(self) -> core.Guest:
        """Runs the callbacks, connects the guest, and returns it."""
        self._machine.run_callbacks()
        return self._machine._connected()

    def run(self, command: Command) -> Result:
        self._machine.run_callbacks()
        return self._run(command)

    def _run(self, command: Command) -> Result:
        begin = time.monotonic()
        outcome = self._machine._connected().run(
            command.text, command.stdin, command.timeout, command.all_errors, command.stream
        )
        return Result(
            machine=self._machine,
            command=command.text,
            status=outcome.status,
            signal=outcome.signal or None,
            stdout_bytes=outcome.output,
            stderr_bytes=outcome.errors,
            duration=outcome.duration,
            timed_out=outcome.timed_out,
            timeout=command.timeout,
            waited=time.monotonic() - begin,
            begun=outcome.begun,
            ended=outcome.ended,
        )

    def spawn(self, command: Command, has_input: bool) -> Process:
        handle = self._ready()
        call = handle.begin(command.text, has_input, command.timeout)
        return Process(self._machine, command.text, command.timeout, call, handle, has_input)

    def wait_for_command(self, wait: Wait) -> str:
        if wait.attempt_timeout is not None:
            return self._by_execute.wait_for_command(wait)
        return self._ready().wait_for_command(wait.command, wait.success, wait.timeout)

    def wait_for_probe(self, wait: Wait) -> None:
        if wait.attempt_timeout is not None:
            self._by_execute.wait_for_probe(wait)
        else:
            self._ready().wait_for_probe(wait.command, wait.success, wait.timeout, wait.hint)

    def wait_for_unit(self, unit: str, user: str | None, timeout: Duration) -> None:
        self._ready().wait_for_unit(unit, user, timeout)
