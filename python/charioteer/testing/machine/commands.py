"""Commands in a machine, and its log."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from charioteer.testing.duration import Duration, render
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.logger.base import Attributes
from charioteer.testing.machine import probes
from charioteer.testing.machine.backend import Backend, Command, Wait
from charioteer.testing.machine.process import Process
from charioteer.testing.machine.result import Result
from charioteer.testing.parameters import checked


def make_command(args: Iterable[object]) -> str:
    """The arguments quoted as one shell command."""
    return shlex.join(map(str, args))


class Commands(ABC):
    """Part of every machine."""

    name: str
    """As in the configuration, also where the name of a variable differs."""
    logger: AbstractLogger
    """The log of the run."""
    callbacks: list[Callable[[], None]]
    """Called before every command."""
    streams: bool = False
    """Whether the output of commands is logged as it arrives; the default of `stream`."""

    @abstractmethod
    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Duration | None
    ) -> tuple[int, str]:
        """Runs `command`; see `execute`."""

    @property
    @abstractmethod
    def _command_backend(self) -> Backend:
        """The backend that runs commands."""

    @abstractmethod
    def _own_backend(self) -> Backend:
        """The backend of this class of machines, before changes by a subclass or a script."""

    def console_tail(self) -> list[str]:
        """The last lines of the console, for the notes of an error."""
        return []

    # The log

    def log(self, msg: str) -> None:
        """Logs a message about this machine."""
        self.logger.log(msg, {"machine": self.name})

    def log_serial(self, msg: str) -> None:
        """Logs a line as a line of the serial console."""
        self.logger.log_serial(msg, self.name)

    def nested(self, msg: str, attrs: Attributes = {}) -> AbstractContextManager[None]:
        """A step of the test on this machine: `with machine.nested("..."):`."""
        return self.logger.nested(msg, {"machine": self.name, **attrs})

    def _log_output(self, output: str) -> None:
        """Logs the output of a command by lines, in the same format as the core."""
        if output:
            for line in output.removesuffix("\n").split("\n"):
                self.log(f"| {line}")

    # Commands

    def run_callbacks(self) -> None:
        """Calls the callbacks, which check the active polling conditions."""
        # Their commands are not probes of the wait that is being made.
        with probes.probing_until(None):
            for callback in self.callbacks:
                callback()

    @checked
    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Duration | None = 900,
    ) -> tuple[int, str]:
        """Runs a command in bash with `set -euo pipefail`; returns exit status and output.

        Standard error is written to the console. After `timeout` seconds the command is ended, with
        status 124; None is no limit. Without `check_output` the call returns (-2, "") at once and
        the command continues; without `check_return` the status is -1.
        """
        self.run_callbacks()
        limit = probes.command_limit(timeout)
        with self.logger.unlogged_step(command, {"machine": self.name}):
            self.logger.describe_step({"command": command})
            status, output = probes.run_command(
                command, lambda: self._execute(command, check_return, check_output, limit)
            )
            self.logger.describe_step({"status": status, "output": output or None})
        return status, output

    def _run_step(self, command: Command) -> Result:
        """Runs a command as the current step."""
        self.logger.describe_step({"command": command.text})
        result = self._command_backend.run(command)
        self.logger.describe_step(result.facts())
        return result

    def _wait_step(self, wait: Wait) -> str:
        """Waits by a command as the current step; returns its last output."""
        self.logger.describe_step({"command": wait.command})
        output = self._command_backend.wait_for_command(wait)
        self.logger.describe_step({"output": output or None})
        return output

    def _make_command(
        self,
        command: str,
        timeout: Duration | None,
        stream: bool | None,
        stdin: str | bytes | None = None,
        all_errors: bool = False,
    ) -> Command:
        streams = self.streams if stream is None else stream
        given = stdin.encode() if isinstance(stdin, str) else stdin
        return Command(command, given, probes.command_limit(timeout), streams, all_errors)

    @checked
    def run(
        self,
        command: str,
        *,
        stdin: str | bytes | None = None,
        timeout: Duration | None = None,
        stream: bool | None = None,
    ) -> Result:
        """Runs a command in bash with `set -euo pipefail`; returns status, output and duration.

        `stdin` is its standard input, text as UTF-8; empty by default. After `timeout` seconds it is
        ended, with status 124; by default there is no limit. With `stream` the lines of its output
        are logged as they arrive; the default is `streams`. A status other than 0 is not an error;
        MachineError is raised if the command cannot be run.
        """
        with self.nested(f"running: {command}"):
            return self._run_step(
                self._make_command(command, timeout, stream, stdin, all_errors=True)
            )

    @checked
    def spawn(
        self, command: str, *, stdin: bool = False, timeout: Duration | None = None
    ) -> Process:
        """Starts a command as `run` does, without waiting for its end.

        With `stdin` its standard input is written by `Process.write`. After `timeout` seconds it is
        ended, with status 124; by default there is no limit. Raises MachineError when there is no
        agent.
        """
        self.log(f"spawning: {command}")
        # A script's replacement of `execute` cannot implement this.
        return self._own_backend().spawn(Command(command, timeout=timeout), stdin)

    @checked
    def succeed(
        self, *commands: str, timeout: Duration | None = None, stream: bool | None = None
    ) -> str:
        """Runs the commands, which must exit with 0; returns their outputs in one string.

        `timeout` in seconds applies to each of them; by default there is no limit. `stream` as for
        `run`. Raises RequestedAssertionFailed.
        """
        output = ""
        for command in commands:
            with self.nested(f"must succeed: {command}"):
                result = self._run_step(self._make_command(command, timeout, stream))
                probes.raise_if_aborted(command, result.status)
                if not result.ok:
                    self.log(f"output: {result.stdout}")
                result.check()
                output += result.stdout
        return output

    @checked
    def fail(
        self, *commands: str, timeout: Duration | None = None, stream: bool | None = None
    ) -> str:
        """Runs the commands, which must exit with another status than 0; returns their outputs.

        Arguments and errors as for `succeed`.
        """
        output = ""
        for command in commands:
            with self.nested(f"must fail: {command}"):
                result = self._run_step(self._make_command(command, timeout, stream))
                if result.ok:
                    raise result.failure(f"command `{command}` unexpectedly succeeded")
                output += result.stdout
        return output

    @checked
    def wait_until_succeeds(
        self, command: str, timeout: Duration = 900, *, attempt_timeout: Duration | None = None
    ) -> str:
        """Runs a command repeatedly until it succeeds; returns its last output.

        `attempt_timeout` is the limit of each attempt. Raises RequestedAssertionFailed after
        `timeout` and a last attempt.
        """
        with self.nested(f"waiting for success: {command}"):
            return self._wait_step(Wait(command, True, timeout, attempt_timeout))

    @checked
    def wait_until_fails(
        self, command: str, timeout: Duration = 900, *, attempt_timeout: Duration | None = None
    ) -> str:
        """Runs a command repeatedly until it fails; returns its last output.

        Arguments and errors as for `wait_until_succeeds`. An attempt that was aborted at its limit
        is no failure.
        """
        with self.nested(f"waiting for failure: {command}"):
            return self._wait_step(Wait(command, False, timeout, attempt_timeout))

    @checked
    def sleep(self, secs: Duration | None = None, duration: Duration | None = None) -> None:
        """Sleeps in the guest, by the guest's clock. `duration` is the newer name of `secs`."""
        if (secs is None) == (duration is None):
            raise TypeError("sleep() takes either 'secs' or 'duration'")
        length = secs if secs is not None else duration
        assert length is not None
        self.succeed(f"sleep {render(length)}")
