"""Commands in a machine, and what is told about them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from test_driver.duration import Duration, render
from test_driver.errors import RequestedAssertionFailed
from test_driver.logger import AbstractLogger
from test_driver.logger.base import Attributes
from test_driver.machine.retry import retry
from test_driver.text import last_lines


class Commands(ABC):
    """Part of every machine."""

    name: str
    logger: AbstractLogger
    callbacks: list[Callable[[], None]]
    """Called before every command."""

    @abstractmethod
    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Duration | None
    ) -> tuple[int, str]:
        """Runs `command`; see `execute`."""

    def _last_words(self) -> list[str]:
        """The last lines of its console, for the notes of a failure."""
        return []

    # Telling

    def log(self, msg: str) -> None:
        """Tells something about this machine."""
        self.logger.log(msg, {"machine": self.name})

    def log_serial(self, msg: str) -> None:
        """Tells a line as if it were of the serial console."""
        self.logger.log_serial(msg, self.name)

    def nested(self, msg: str, attrs: Attributes = {}) -> AbstractContextManager[None]:
        """A step of the test on this machine: `with machine.nested("..."):`."""
        return self.logger.nested(msg, {"machine": self.name, **attrs})

    # Commands

    def run_callbacks(self) -> None:
        """Checks what must hold all the time."""
        for callback in self.callbacks:
            callback()

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: Duration | None = 900,
    ) -> tuple[int, str]:
        """Runs a command in bash with `set -euo pipefail`; returns exit status and output.

        Standard error goes to the console. `timeout` in seconds ends the command with status 124;
        None is no limit. Without `check_output` it returns (-2, "") at once and the command goes
        on; without `check_return` the status is -1.
        """
        self.run_callbacks()
        return self._execute(command, check_return, check_output, timeout)

    def succeed(self, *commands: str, timeout: Duration | None = None) -> str:
        """Runs the commands, which must exit with 0; returns their outputs in one string.

        Raises RequestedAssertionFailed.
        """
        output = ""
        for command in commands:
            with self.nested(f"must succeed: {command}"):
                begin = time.monotonic()
                status, out = self.execute(command, timeout=timeout)
                if status != 0:
                    self.log(f"output: {out}")
                    text = f"command `{command}` failed (exit code {status})"
                    raise self._failure(text, begin, timeout, out)
                output += out
        return output

    def fail(self, *commands: str, timeout: Duration | None = None) -> str:
        """Runs the commands, which must exit with another status than 0; returns their outputs.

        Raises RequestedAssertionFailed.
        """
        output = ""
        for command in commands:
            with self.nested(f"must fail: {command}"):
                begin = time.monotonic()
                status, out = self.execute(command, timeout=timeout)
                if status == 0:
                    text = f"command `{command}` unexpectedly succeeded"
                    raise self._failure(text, begin, timeout, out)
                output += out
        return output

    def _failure(
        self, text: str, begin: float, timeout: Duration | None, output: str
    ) -> RequestedAssertionFailed:
        """The error of a command that began at `begin`, with what its reader will ask."""
        error = RequestedAssertionFailed(text)
        limit = "no limit" if timeout is None else f"limit {render(timeout)} s"
        error.add_note(f"on {self.name}, after {time.monotonic() - begin:.2f} s ({limit})")
        if lines := last_lines(output):
            error.add_note("\n  ".join(["last lines of its output:", *lines]))
        if lines := last_lines("\n".join(self._last_words())):
            error.add_note("\n  ".join(["last lines of the console:", *lines]))
        return error

    def _wait_for_command(
        self, command: str, success: bool, timeout: Duration, hint: Sequence[str] = ()
    ) -> str:
        """Runs `command` again and again until it succeeds, or fails; returns the last output.

        `hint`, for machines that know such, names what in the guest tells that it is time to try.
        """
        output = ""

        def try_it(_last_try: bool) -> bool:
            nonlocal output
            status, output = self.execute(command, timeout=timeout)
            return (status == 0) == success

        retry(try_it, timeout=timeout)
        return output

    def wait_until_succeeds(self, command: str, timeout: Duration = 900) -> str:
        """Runs a command again and again until it succeeds; returns its last output.

        Raises RequestedAssertionFailed after `timeout` and a last attempt.
        """
        with self.nested(f"waiting for success: {command}"):
            return self._wait_for_command(command, True, timeout)

    def wait_until_fails(self, command: str, timeout: Duration = 900) -> str:
        """Runs a command again and again until it fails; returns its last output."""
        with self.nested(f"waiting for failure: {command}"):
            return self._wait_for_command(command, False, timeout)

    def sleep(self, secs: Duration | None = None, duration: Duration | None = None) -> None:
        """Sleeps in the guest, in the guest's time. The two arguments are two names of one."""
        if (secs is None) == (duration is None):
            raise TypeError("sleep() takes either 'secs' or 'duration'")
        length = secs if secs is not None else duration
        assert length is not None
        self.succeed(f"sleep {render(length)}")
