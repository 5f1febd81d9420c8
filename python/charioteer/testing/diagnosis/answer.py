"""What is known of one machine after a failure: its answers, and what its driver sees from outside."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from charioteer.testing.journal import Entry, entries, uptime_in

_FILE = re.compile(r"^==> (.+) <==$", re.MULTILINE)
_KERNEL = re.compile(r"^\[\s*(\d+\.\d+)\](?:\[[^\]]*\])? ?(.*)$")


@dataclass(frozen=True)
class Outside:
    """What is known of a machine without its help."""

    console: tuple[str, ...] = ()
    """The last lines of the serial console."""
    has_ended: bool = False
    """Whether QEMU, or the container, ended without being asked."""
    exit_status: int | None = None
    output: tuple[str, ...] = ()
    """The last lines that QEMU printed, if it has ended."""
    run_state: str = ""
    """QEMU's: `running`, `paused`, `io-error`, ..."""
    is_emulated: bool = False
    """Whether the processor is emulated, by TCG."""


@dataclass(frozen=True)
class Answer:
    """The answers of one machine; none if it did not answer."""

    machine: str
    sections: dict[str, str] = field(default_factory=dict)
    asked_at: float = 0.0
    """The host's time, in seconds since 1970, at the start of the questions."""
    took: float = 0.0
    outside: Outside = Outside()

    def lines(self, section: str) -> list[str]:
        return [each for each in self.sections.get(section, "").split("\n") if each.strip()]

    @cached_property
    def files(self) -> dict[str, str]:
        """The contents of files that are always asked for."""
        pieces = _FILE.split(self.sections.get("files", ""))
        return dict(zip(pieces[1::2], pieces[2::2]))

    @cached_property
    def uptime(self) -> float | None:
        """Seconds since the guest's boot."""
        return uptime_in(self.files.get("/proc/uptime", ""))

    @cached_property
    def clock(self) -> float | None:
        """The guest's time, in seconds since 1970."""
        try:
            return float(self.sections.get("clock", "").strip().replace(",", "."))
        except ValueError:
            return None

    @cached_property
    def kernel(self) -> list[Entry]:
        """The last messages of the kernel, oldest first."""
        found = (_KERNEL.match(each) for each in self.lines("kernel"))
        return [
            Entry(self.age_of(float(each[1])), each[2], identifier="kernel")
            for each in found
            if each
        ]

    @cached_property
    def journal(self) -> list[Entry]:
        """The last entries of the journal, and of units that are asked for, oldest first."""
        lines = [*self.lines("unit-journal"), *self.lines("journal")]
        # journalctl writes the fields of an entry in another order each time.
        found = dict.fromkeys(entries(lines, self.uptime))
        return sorted(found, key=lambda each: -(each.age or 0.0))

    def of_unit(self, unit: str) -> list[Entry]:
        return [each for each in self.journal if each.unit == unit]

    def age_of(self, monotonic: float) -> float | None:
        """Seconds from a time since boot to the questions."""
        return None if self.uptime is None else max(0.0, self.uptime - monotonic)


@dataclass(frozen=True)
class Host:
    """The state of the host."""

    free_memory: int | None = None
    """KiB that can be used without swapping."""
    memory: int | None = None
    full_folders: tuple[str, ...] = ()
    """Folders of the run whose disks are full, each with the space that is left."""
    waiting_share: float | None = None
    """The share of the last 10 s in which something waited for a processor, in percent."""
