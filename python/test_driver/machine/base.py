"""What every kind of machine can do, given a way to run a command in it."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from test_driver.duration import Duration, render
from test_driver.errors import RequestedAssertionFailed
from test_driver.logger import AbstractLogger
from test_driver.logger.base import Attributes
from test_driver.machine.retry import retry
from test_driver.machine.units import Units
from test_driver.text import last_lines

# What goes into one command when a file is written by the shell; bash takes 128 KiB.
_PIECE = 60_000


class BaseMachine(Units, ABC):
    """A machine of the test.

    A subclass says by `_execute` how a command is run. All paths of machines of a run are under
    its `tmp_dir`: the state in `vm-state-NAME`, what is shared with guests in `shared-xchg`.
    """

    def __init__(
        self,
        out_dir: Path,
        name: str,
        logger: AbstractLogger,
        callbacks: list[Callable[[], None]] | None = None,
        tmp_dir: Path | None = None,
        keep_machine_state: bool = False,
    ) -> None:
        """`callbacks` are called before every command. Makes the directories. Raises OSError."""
        self.out_dir = out_dir
        self.name = name
        self.logger = logger
        self.callbacks = callbacks if callbacks is not None else []
        self.tmp_dir = tmp_dir or Path(os.environ.get("TMPDIR") or "/tmp")
        self.keep_machine_state = keep_machine_state
        self.state_dir = self.tmp_dir / f"vm-state-{name}"
        self.shared_dir = self.tmp_dir / "shared-xchg"
        self._state_is_reset = self.state_dir.exists() and not keep_machine_state
        for directory in (self.state_dir, self.shared_dir):
            directory.mkdir(mode=0o700, exist_ok=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}'>"

    # What a subclass provides

    @abstractmethod
    def is_up(self) -> bool:
        """Whether commands can be run without starting it first."""

    @abstractmethod
    def start(self) -> None:
        """Starts it. Does nothing when it runs."""

    @abstractmethod
    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        """Waits for its end. Raises subprocess.TimeoutExpired."""

    @abstractmethod
    def shutdown(self) -> None:
        """Shuts it down in an orderly way and waits for its end."""

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

    def _wait_for_command(self, command: str, success: bool, timeout: Duration) -> str:
        """Runs `command` again and again until it succeeds, or fails; returns the last output."""
        output = ""

        def try_it(_last_try: bool) -> bool:
            nonlocal output
            status, output = self.execute(command, timeout=timeout)
            return (status == 0) == success

        retry(try_it, timeout)
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

    # Files, ports, windows

    def wait_for_file(self, filename: str, timeout: Duration = 900) -> None:
        """Waits until the file exists. The guest's shell expands `filename`."""
        with self.nested(f"waiting for file '{filename}'"):
            self._wait_for_command(f"test -e {filename}", True, timeout)

    def wait_for_open_port(
        self, port: int, addr: str = "localhost", timeout: Duration = 900
    ) -> None:
        """Waits until something listens on the TCP port, as seen from within the guest."""
        with self.nested(f"waiting for TCP port {port} on {addr}"):
            self._wait_for_command(f"nc -z {addr} {port}", True, timeout)

    def wait_for_closed_port(
        self, port: int, addr: str = "localhost", timeout: Duration = 900
    ) -> None:
        """Waits until nothing listens on the TCP port, as seen from within the guest."""
        with self.nested(f"waiting for TCP port {port} on {addr} to be closed"):
            self._wait_for_command(f"nc -z {addr} {port}", False, timeout)

    def wait_for_open_unix_socket(
        self, addr: str, is_datagram: bool = False, timeout: Duration = 900
    ) -> None:
        """Waits until something listens on the UNIX socket at path `addr` in the guest."""
        kind, flags = ("datagram", "-uU") if is_datagram else ("stream", "-U")
        with self.nested(f"waiting for UNIX-domain {kind} on '{addr}'"):
            self._wait_for_command(f"nc -z {flags} {addr}", True, timeout)

    def copy_from_host_via_shell(self, source: str, target: str) -> None:
        """Writes a file of the host into the guest by shell commands alone; for small files."""
        from base64 import b64encode

        content = b64encode(Path(source).read_bytes()).decode()
        self.succeed(f"mkdir -p $(dirname {target})")
        for begin in range(0, max(len(content), 1), _PIECE):
            piece, redirect = content[begin : begin + _PIECE], ">>" if begin else ">"
            self.succeed(f"echo -n {piece} | base64 -d {redirect} {target}")

    def get_window_names(self) -> list[str]:
        """The names of all X11 windows."""
        return self.succeed(
            r"xwininfo -root -tree | sed -n 's/^[^\"]*\"\([^\"]*\)\".*/\1/p'"
        ).splitlines()

    def wait_for_window(self, regexp: str, timeout: Duration = 900) -> None:
        """Waits for an X11 window whose name matches."""
        import re

        pattern = re.compile(regexp)

        def appeared(last_try: bool) -> bool:
            names = self.get_window_names()
            if last_try:
                self.log(
                    f"Last chance to match {regexp} on the window list, "
                    f"which currently contains: {', '.join(names)}"
                )
            return any(pattern.search(name) for name in names)

        with self.nested("waiting for a window to appear"):
            retry(appeared, timeout)
