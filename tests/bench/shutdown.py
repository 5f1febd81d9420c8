"""The time of `shutdown()`, from the call to its return after the end of QEMU.

The baseline starts QEMU as the NixOS test driver does, in its own session, writes the same request to
the root shell, and waits for the process. Both boot the same guest for each measurement.
"""

import time
from collections.abc import Iterable, Iterator

import guest
import load
from figures import Figure, compare

_ROUNDS = 5


def measure() -> Iterable[Figure]:
    """On `minimal`, quiet and then busy."""
    yield from _compared("quiet")
    with load.busy_processes():
        yield from _compared("busy")


def _compared(name: str) -> Iterator[Figure]:
    turns = [(_ours(), _baseline()) for _ in range(_ROUNDS)]
    ours, baseline = zip(*turns)
    yield compare(f"shutdown_{name}", ours, baseline, "s")


def _ours(kind: str = "minimal") -> float:
    with guest.running(kind) as machine:
        began = time.perf_counter()
        machine.poweroff()
        machine.wait_for_shutdown(None)
        return time.perf_counter() - began


def _baseline(kind: str = "minimal") -> float:
    with guest.running_as_upstream(kind) as machine:
        began = time.perf_counter()
        machine.shutdown()
        return time.perf_counter() - began
