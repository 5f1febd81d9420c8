"""The result of a command."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from charioteer.testing.duration import Duration, render
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.logger.base import Facts
from charioteer.testing.text import last_lines

TIMED_OUT = 124
"""The exit status of a command that exceeded its limit."""


class Console(Protocol):
    """The part of a machine that the notes of an error use."""

    name: str

    def console_tail(self) -> list[str]:
        ...


@dataclass(frozen=True, repr=False)
class Result:
    """Exit status and output of a command."""

    machine: Any = field(compare=False)
    """The machine in which it ran."""
    command: str
    """As it was given."""
    status: int
    """The exit status as in a shell: 128 + n after signal n; 124 after its limit."""
    signal: int | None
    """The signal that ended it, or None."""
    stdout_bytes: bytes
    """Standard output."""
    stderr_bytes: bytes
    """Standard error; empty on the plain channel, and on machines that override `execute`."""
    duration: float = field(compare=False)
    """Seconds in the guest, from its start to its end."""
    timed_out: bool = False
    """Whether its limit passed."""
    timeout: Duration | None = None
    """The limit, or None."""
    waited: float = field(default=0.0, compare=False)
    """Seconds on the host, including the wait before its start."""
    begun: float = field(default=0.0, compare=False)
    """When it was sent to the connected guest, by the clock of `time.monotonic()` on the host.

    Recorded commands of a resumed run keep their order and distances, and lie before the run; not on
    machines that override `execute`.
    """
    ended: float = field(default=0.0, compare=False)
    """When its result was there, by the same clock."""

    @cached_property
    def stdout(self) -> str:
        """Standard output as UTF-8, with U+FFFD for invalid bytes."""
        return self.stdout_bytes.decode(errors="replace")

    @cached_property
    def stderr(self) -> str:
        """Standard error as UTF-8, with U+FFFD for invalid bytes."""
        return self.stderr_bytes.decode(errors="replace")

    @property
    def rc(self) -> int:
        """The same as `status`."""
        return self.status

    @property
    def ok(self) -> bool:
        """Whether the status is 0."""
        return self.status == 0

    def check(self) -> "Result":
        """Returns itself. Raises RequestedAssertionFailed, as `succeed` does, unless it is `ok`."""
        if not self.ok:
            raise self.failure(f"command `{self.command}` failed (exit code {self.status})")
        return self

    def facts(self) -> Facts:
        """What a trace records about the command, besides its times."""
        return {
            "status": self.status,
            "signal": self.signal,
            "timed_out": self.timed_out or None,
            "output": self.stdout_bytes or None,
            "errors": self.stderr_bytes or None,
        }

    def failure(self, text: str) -> RequestedAssertionFailed:
        """An error with `text`, and with the machine, times and output as notes."""
        outputs = {"its output": self.stdout, "its standard error": self.stderr}
        return failed_request(self.machine, text, self.waited, self.timeout, outputs)

    def __repr__(self) -> str:
        return (
            f"<Result of `{self.command}` on {self.machine.name}: status {self.status}, "
            f"{len(self.stdout_bytes)} bytes of output, {len(self.stderr_bytes)} of errors>"
        )


def failed_request(
    machine: Console, text: str, waited: float, limit: Duration | None, outputs: dict[str, str]
) -> RequestedAssertionFailed:
    """An error with `text`, and with the machine, times and last lines of output as notes.

    `waited` is in seconds. The keys of `outputs` are the names of the outputs in the notes.
    """
    error = RequestedAssertionFailed(text)
    limits = "no limit" if limit is None else f"limit {render(limit)} s"
    error.add_note(f"on {machine.name}, after {waited:.2f} s ({limits})")
    outputs = {**outputs, "the console": "\n".join(machine.console_tail())}
    for name, output in outputs.items():
        if lines := last_lines(output):
            error.add_note("\n  ".join([f"last lines of {name}:", *lines]))
    return error
