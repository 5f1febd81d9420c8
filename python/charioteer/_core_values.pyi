"""The values that calls of charioteer._core return; there is no module of this name."""

class Outcome:
    """How a command ended."""

    @property
    def status(self) -> int:
        """124: its limit passed, 128 + n: signal n ended it."""
    @property
    def signal(self) -> int:
        """The signal that ended it, or 0."""
    @property
    def output(self) -> bytes:
        """Standard output; empty for a `Call`, whose `read` gives it."""
    @property
    def errors(self) -> bytes:
        """Standard error, in the same way; empty on the plain channel."""
    @property
    def duration(self) -> float:
        """Seconds in the guest; of the whole call on the plain channel."""
    @property
    def timed_out(self) -> bool:
        """Whether its limit passed."""

class Piece:
    """A part of what a command writes."""

    @property
    def is_errors(self) -> bool:
        """Whether it is of the standard error, and not of the standard output."""
    @property
    def data(self) -> bytes: ...

class ConsoleMark:
    """A place in a last line without an end."""

class ConsoleText:
    """What a serial console has that no earlier call has taken."""

    @property
    def lines(self) -> list[str]:
        """Whole lines, which are taken with this."""
    @property
    def rest(self) -> str:
        """A last line without an end, to which nothing came for a second; empty: there is none."""
    @property
    def mark(self) -> ConsoleMark:
        """The end of `rest`, with which `Machine.take_console_rest` takes it."""
