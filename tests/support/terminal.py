"""Runs a program in a terminal of tmux: types keys and reads the screen."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.patience import scaled, until
from support.run import PROGRAMS

# The title of the terminal after the program's end is this and the exit status.
_ENDED = "exit status "


class Terminal:
    """One of the project's programs in a terminal of its own tmux."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        env: Mapping[str, str],
        cwd: Path,
        size: tuple[int, int] = (120, 50),
    ) -> None:
        """`size`: columns and rows."""
        self._folder = Path(tempfile.mkdtemp(prefix="charioteer-tmux-", dir="/tmp"))
        self._socket = self._folder / "socket"
        program, *others = map(str, arguments)
        line = shlex.join([str(PROGRAMS / program), *others])
        # The title comes after all that the program has written: who sees it sees the whole screen.
        # `sleep` keeps the screen until the end of the test.
        # The shell survives Ctrl-C.
        command = rf"trap : INT; {line}; printf '\033]2;{_ENDED}%s\033\\' $?; exec sleep 3600"
        # No configuration of the user.
        environment = {**env, "TERM": "xterm", "SHELL": "/bin/sh"}
        self._environment = {**environment, "PATH": os.environ["PATH"]}
        columns, rows = map(str, size)
        self._tmux(
            *("-f", "/dev/null", "start-server", ";"),
            *("set-option", "-g", "history-limit", "100000", ";"),
            *("set-option", "-g", "status", "off", ";"),
            *("new-session", "-d", "-x", columns, "-y", rows, "-c", str(cwd), command),
        )

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=scaled(30),
        )
        assert done.returncode == 0, f"tmux {arguments}: {done.stderr}"
        return done.stdout

    @property
    def screen(self) -> str:
        """All lines of the terminal, including scrolled ones, without trailing blanks."""
        text = self._tmux("capture-pane", "-p", "-S", "-")
        return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))

    @property
    def visible(self) -> list[str]:
        """The lines that the terminal shows now."""
        return [line.rstrip() for line in self._tmux("capture-pane", "-p").split("\n")]

    @property
    def coloured(self) -> str:
        """The screen with its colours."""
        return self._tmux("capture-pane", "-e", "-p")

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self._tmux("display", "-p", "#{pane_height} #{pane_width}").split()
        return int(rows), int(columns)

    @property
    def _title(self) -> str:
        return self._tmux("display", "-p", "#{pane_title}").rstrip("\n")

    def resize(self, columns: int, rows: int) -> None:
        """Resizes the terminal."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def clear(self, prompt: str) -> None:
        """Forgets all lines, also scrolled ones, except the last one, which is `prompt`."""
        self.press("C-l")
        until(
            lambda: self.visible[0].startswith(prompt),
            60,
            lambda: f"{prompt!r} is not the first line:\n{self.screen}",
        )
        self._tmux("clear-history")

    def press(self, *keys: str) -> None:
        """Presses keys, given by tmux's names: "C-c", "Enter", "Tab"."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Types a line and Enter."""
        self._tmux("send-keys", "-l", text)
        self.press("Enter")

    def wait_for(self, text: str, limit: float = 60) -> None:
        """Returns once `text` is on the screen."""
        until(
            lambda: text in self.screen,
            limit,
            lambda: f"{text!r} did not appear within {scaled(limit):g} s:\n{self.screen}",
        )

    def wait_for_last_line(self, text: str, limit: float = 60) -> None:
        """Returns once the screen ends with `text`, in the sense of `ends_with`."""
        until(
            lambda: self.ends_with(text),
            limit,
            lambda: f"the last line is not {text!r} after {scaled(limit):g} s:\n{self.screen}",
        )

    @property
    def has_ended(self) -> bool:
        """Whether the program has ended; the screen stays."""
        return self._title.startswith(_ENDED)

    def ends_with(self, text: str) -> bool:
        """Whether the screen, without empty lines and ptpython's status, ends with `text`."""
        return _without_status(self.screen).endswith(text)

    def expect(self, status: int, limit: float = 60) -> None:
        """Waits for the end of the program and checks its exit status."""
        still_runs = f"the program still runs after {scaled(limit):g} s"
        until(lambda: self.has_ended, limit, lambda: f"{still_runs}:\n{self.screen}")
        actual = int(self._title.removeprefix(_ENDED))
        assert actual == status, f"exit status {actual}, not {status}:\n{self.screen}"

    def end(self) -> None:
        """Ends the program and the terminal."""
        self._tmux("kill-server")
        shutil.rmtree(self._folder)


def _without_status(screen: str) -> str:
    return "\n".join(line for line in screen.split("\n") if not line.startswith(" [F")).rstrip()
