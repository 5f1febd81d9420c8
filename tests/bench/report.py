"""The page of a run with 100,000 events: the time to make it."""

import tempfile
import time
from pathlib import Path

from charioteer.report import page

from figures import Figure, compare
from support import traces

_EVENTS = 100_000
_REPETITIONS = 5
_LIMIT = 3.0
"""The baseline, in seconds: what people should wait for it at most."""


def of_100k_events() -> Figure:
    """From the trace on the disk to the page on the disk."""
    times = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = traces.large(Path(name), _EVENTS)
        for _ in range(_REPETITIONS):
            began = time.perf_counter()
            page.write(folder)
            times.append(time.perf_counter() - began)
    return compare("report_100k_events", times, [_LIMIT], "s")
