"""The bridge without faults, against an earlier build of it: processor time for each frame.

Frames per second depend on who else uses the processors and caches, and on how the clients are
scheduled: they differed by a factor of two between seconds of one build.
"""

import os
import re
import statistics
import subprocess
from collections.abc import Iterable
from pathlib import Path

from figures import Figure

_ROUNDS = 25
_ATTEMPTS = 3
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(build: Path, earlier: Path) -> Iterable[Figure]:
    """Rounds of half a second alternate between the builds; medians of the rounds."""
    for size in (64, 1500):
        costs: dict[Path, list[float]] = {earlier: [], build: []}
        for _ in range(_ROUNDS):
            for each, values in costs.items():
                values.append(_cost(each / "tests/bench/bridge/bridge_bench", f"bridge_fps_{size}"))
        ours, baseline = (statistics.median(costs[each]) for each in (build, earlier))
        yield Figure(f"bridge_fault_idle_{size}", ours, baseline, "ns CPU")


def _cost(program: Path, measure: str) -> float:
    """The nanoseconds of the process that has the bridge, for each frame that it has received.

    Its clients, and the other bridge that it measures, are processes of their own.
    """
    for _ in range(_ATTEMPTS):
        cost, errors = _attempt(program, measure)
        if cost is not None:
            return cost
    raise RuntimeError(f"{program} has failed {_ATTEMPTS} times:\n{errors}")


def _attempt(program: Path, measure: str) -> tuple[float | None, str]:
    """The cost, None if the program has failed; and its errors.

    It fails when its client is faster than vde_switch, which makes its socket before it listens.
    """
    process = subprocess.Popen(
        [program, "1", measure],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "BRIDGE_BENCH_COUNTERS": "1"},
        text=True,
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    # While it is a zombie, its times can be read without those of its children.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) / _TICKS
    received = re.search(rf"^{measure} received (\d+)$", errors, re.MULTILINE)
    if process.wait() != 0 or received is None:
        return None, errors
    return seconds * 1e9 / int(received[1]), errors
