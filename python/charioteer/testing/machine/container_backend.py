"""The backend of containers: a shell of the host that enters their namespaces."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Protocol

from charioteer import _core as core
from charioteer.testing.duration import seconds
from charioteer.testing.errors import MachineError
from charioteer.testing.machine.backend import Command, ExecuteBackend, Executing
from charioteer.testing.machine.pipe_reader import PipeReader
from charioteer.testing.machine.result import TIMED_OUT, Result

_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
# The environment of a command, as that of the root shell of a virtual machine.
_PRELUDE = (
    "set -eo pipefail; export USER=root HOME=/root DISPLAY=:0.0; source /etc/profile; set -u; "
)


class Container(Executing, Protocol):
    """What the backend needs of its machine."""

    @property
    def get_systemd_process(self) -> int:
        ...

    def start(self) -> None:
        ...

    def log_serial(self, msg: str) -> None:
        ...

    def _follow_journal(self) -> None:
        ...


class ContainerBackend(ExecuteBackend):
    """Waits are made of `execute`, which calls `enter`."""

    def __init__(self, machine: Container) -> None:
        super().__init__(machine)
        self._container = machine

    def run(self, command: Command) -> Result:
        # Where the script only reads status and output, a script's subclass of `execute` counts.
        if not command.all_errors:
            return super().run(command)
        self._container.run_callbacks()
        return self.enter(command)

    def enter(self, command: Command) -> Result:
        """Runs a command in the container, which is started if need be. Raises MachineError."""
        machine = self._container
        begin = time.monotonic()
        machine.start()
        program = shutil.which("nsenter")
        if program is None:
            raise MachineError(
                f"{machine.name}: commands in containers need nsenter, of util-linux"
            )
        words = [program, "--target", str(machine.get_systemd_process), *_NAMESPACES]
        started = time.monotonic()
        status, output, errors = self._run_program(
            [*words, "/bin/sh", "-c", _PRELUDE + command.text], command
        )
        # Where it was slow there was no journal yet when the container was ready.
        machine._follow_journal()
        result = Result(
            machine=machine,
            command=command.text,
            status=TIMED_OUT if status is None else status if status >= 0 else 128 - status,
            signal=-status if status is not None and status < 0 else None,
            stdout_bytes=output,
            stderr_bytes=errors,
            duration=time.monotonic() - started,
            timed_out=status is None,
            timeout=command.timeout,
            waited=time.monotonic() - begin,
        )
        if command.stream:
            machine._log_output(result.stdout)
        return result

    def _run_program(self, words: list[str], command: Command) -> tuple[int | None, bytes, bytes]:
        """Runs a program of the host; its standard error is logged as lines of the console.

        Returns its status, minus the signal that ended it, or None after the limit; its output;
        its standard error.
        """
        nothing: dict[str, str] = {}
        limit = core.parse_holder_limit(os.environ.get("CHARIOTEER_OUTPUT_HOLDER_LIMIT", ""))
        timeout = None if command.timeout is None else seconds(command.timeout)
        end = None if timeout is None else time.monotonic() + timeout
        with tempfile.TemporaryFile() as given:
            given.write(command.stdin or b"")
            given.seek(0)
            program = subprocess.Popen(
                words,
                env=nothing,
                stdin=subprocess.DEVNULL if command.stdin is None else given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        assert program.stdout is not None and program.stderr is not None
        output = PipeReader(program.stdout)
        errors = PipeReader(program.stderr, self._log_error)
        status: int | None = None
        try:
            ended = program.wait(timeout)
            if self._await_holders(command.text, output, end, limit):
                status = ended
        except subprocess.TimeoutExpired:
            pass  # its status is None
        finally:
            if status is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, signal.SIGKILL)
                program.wait()
            taken = output.take_all(), errors.take_all()
        self._container.logger.collect()
        return status, *taken

    def _log_error(self, line: bytes) -> None:
        self._container.log_serial(line.decode(errors="ignore").rstrip())

    def _await_holders(
        self, command: str, output: PipeReader, end: float | None, limit: int
    ) -> bool:
        """As `output.wait_for_holders`, with warnings."""
        machine = self._container

        def warn(given_up: bool) -> None:
            text = core.describe_held_output(command, output.holders(), given_up, limit)
            machine.logger.warning(f"warning: {text}", {"machine": machine.name})

        return output.wait_for_holders(end, limit, warn)
