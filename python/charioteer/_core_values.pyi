"""The values that calls of charioteer._core return; there is no module of this name."""

from typing import Literal

class Event:
    """A message of the core, or a line of a serial console."""

    @property
    def kind(self) -> Literal["log", "warning", "serial", "progress", "state"]: ...
    @property
    def machine(self) -> str:
        """Name of the machine; empty if it concerns none."""
    @property
    def text(self) -> str:
        """Of a state, a word of docs/trace.md; of progress, empty at its end."""
    @property
    def details(self) -> dict[str, str]:
        """Of a state."""

class Outcome:
    """The outcome of a command."""

    def __init__(
        self,
        status: int = 0,
        signal: int = 0,
        output: bytes = b"",
        errors: bytes = b"",
        duration: float = 0.0,
        timed_out: bool = False,
        begun: float = 0.0,
        ended: float = 0.0,
    ) -> None: ...
    @property
    def status(self) -> int:
        """The exit status; 124 after its limit, 128 + n after signal n."""
    @property
    def signal(self) -> int:
        """The signal that ended it, or 0."""
    @property
    def output(self) -> bytes:
        """Standard output; empty for a `Call`, whose `read` returns it."""
    @property
    def errors(self) -> bytes:
        """Standard error; empty for a `Call`, and on the plain channel."""
    @property
    def duration(self) -> float:
        """Seconds in the guest; on the plain channel those of the whole call."""
    @property
    def timed_out(self) -> bool:
        """Whether it exceeded its limit."""
    @property
    def begun(self) -> float:
        """When the call began, by the clock of `time.monotonic()`."""
    @property
    def ended(self) -> float:
        """When the call had its outcome, by the same clock."""

class Piece:
    """A piece of a command's output."""

    @property
    def is_errors(self) -> bool:
        """Whether it is from the standard error; otherwise it is from the standard output."""
    @property
    def data(self) -> bytes: ...

class ConsoleMark:
    """A position in an unterminated last line."""

class ConsoleText:
    """The unread text of a serial console."""

    def __init__(self, lines: list[str], rest: str) -> None: ...
    @property
    def lines(self) -> list[str]:
        """Complete lines, which are consumed by the call."""
    @property
    def rest(self) -> str:
        """An unterminated last line, after a second without output; empty if there is none."""
    @property
    def mark(self) -> ConsoleMark:
        """The end of `rest`, for `Machine.consume_console_rest`, which consumes it."""

class ConsoleState:
    """The lines of a serial console when its guest was saved."""

    @property
    def lines(self) -> list[str]:
        """All lines since the last start; the last one may be unterminated."""
    @property
    def taken(self) -> int:
        """How many of them were returned as next lines or text."""
