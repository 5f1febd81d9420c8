"""The times of recorded commands, moved so that they lie before those of the run that resumes."""

import time
from collections.abc import Iterable
from dataclasses import replace

from charioteer.testing.checkpoints import values
from charioteer.testing.checkpoints.entries import Entry


def to_move(recorded: Iterable[Entry]) -> float:
    """The seconds by which the times of all calls of a record are moved: the last one has then ended now.

    The recorded run may be of an earlier start of the host, whose clock began anew since.
    """
    ends = [end for entry in recorded if (end := values.end_of(entry.value)) is not None]
    # In nanoseconds, as the times are: their distances stay the same.
    return round(time.monotonic() - max(ends), 9) if ends else 0.0


def moved(entry: Entry, seconds: float) -> Entry:
    """The call as if it had been made so much later."""
    return replace(entry, value=values.moved(entry.value, seconds))
