"""What the options of a run ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wishes:
    """The options of a run that concern checkpoints."""

    record: bool = False
    """Whether calls are recorded and checkpoints kept for later runs."""
    resume: str | None = None
    """The name of the checkpoint to resume at; empty for the newest that fits; None: do not resume."""
    clock_now: bool = False
    """Whether the clocks of restored guests are set to the host's."""
    label: str = ""
    """The name of the test; empty if it has none."""

    @property
    def are_any(self) -> bool:
        return self.record or self.resume is not None
