"""Runs one of the project's programs as a child process and reads its output while it runs."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import charioteer._core

from support.patience import scaled, until

PROGRAMS = Path(charioteer._core.__file__ or "").parents[2] / "bin"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Variables of the caller that would change what the driver or a start script does.
_EXCLUDED_VARIABLES = (
    *("DISPLAY", "WAYLAND_DISPLAY", "LOGFILE", "logLevel", "CHARIOTEER_ACCEL"),
    # Python then writes everything at once, also what the driver forgets to flush.
    "PYTHONUNBUFFERED",
)


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without variables that affect the driver, plus `changes`.

    The accelerator is fixed to TCG.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _EXCLUDED_VARIABLES and not name.startswith(("QEMU_", "NIX_", "FAKE_QEMU"))
    }
    return {**kept, "CHARIOTEER_ACCEL": "tcg", **changes}


class Run:
    """A program in a session of its own. Its output so far can be read, without colours."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        env: Mapping[str, str],
        cwd: Path,
        keyboard: bool = False,
        one_pipe: bool = False,
    ) -> None:
        """With `keyboard`, standard input is a pipe written by `enter`, otherwise it is /dev/null.

        With `one_pipe`, standard error is redirected to standard output.
        """
        program, *others = map(str, arguments)
        self.command = [str(PROGRAMS / program), *others]
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE if keyboard else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if one_pipe else subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._bytes = {"stdout": b"", "stderr": b""}
        self._readers = [self._read("stdout", self._process.stdout)]
        if not one_pipe:
            self._readers.append(self._read("stderr", self._process.stderr))

    def _read(self, name: str, stream: IO[bytes] | None) -> threading.Thread:
        assert stream is not None
        thread = threading.Thread(target=self._collect, args=(name, stream), daemon=True)
        thread.start()
        return thread

    def _collect(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            while piece := os.read(stream.fileno(), 65536):
                with self._lock:
                    self._bytes[name] += piece

    def _text(self, name: str) -> str:
        with self._lock:
            return self._bytes[name].decode(errors="replace")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self) -> str:
        return _COLOUR.sub("", self._text("stdout"))

    @property
    def stderr(self) -> str:
        return _COLOUR.sub("", self.coloured)

    @property
    def coloured(self) -> str:
        """Standard error with its colours."""
        return self._text("stderr")

    def report(self) -> str:
        """The command, its exit status if it has ended, and all of its output."""
        return (
            f"{' '.join(self.command)}\nexit status so far: {self._process.poll()}\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}\n---"
        )

    def wait_for(self, text: str, limit: float = 60) -> None:
        """Returns once `text` is in the output; fails when the program has ended without it."""
        end = f"{text!r} did not appear within {scaled(limit):g} s:"

        def seen() -> bool:
            # In this order: what is read last is there when its reader has ended.
            ended = not any(reader.is_alive() for reader in self._readers)
            found = text in self.stderr or text in self.stdout
            assert found or not ended, f"it ended without {text!r}:\n{self.report()}"
            return found

        until(seen, limit, lambda: f"{end}\n{self.report()}")

    def finish(self, limit: float = 60) -> int:
        """Waits for the end and for all output; returns the status as a shell (143 for SIGTERM)."""
        try:
            status = self._process.wait(scaled(limit))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {scaled(limit):g} s:\n{self.report()}") from None
        for reader in self._readers:
            reader.join(scaled(limit))
            assert not reader.is_alive(), f"its output is still held open:\n{self.report()}"
        return status if status >= 0 else 128 - status

    def expect(self, status: int, limit: float = 60) -> None:
        """Waits for the end and checks the exit status."""
        actual = self.finish(limit)
        assert actual == status, f"exit status {actual}, not {status}:\n{self.report()}"
        assert "Fatal Python error" not in self.stderr, self.report()

    def enter(self, line: str) -> None:
        """Writes a line to standard input."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def press_ctrl_d(self) -> None:
        """Closes standard input."""
        assert self._process.stdin
        self._process.stdin.close()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def press_ctrl_c(self) -> None:
        """Sends SIGINT to the process group, as a terminal does, unless the program has ended."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)

    def end(self) -> None:
        """Kills the program if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
