"""What a test takes of the host: memory and processors."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from charioteer.cluster.definition import Cluster, Machine

_OF_DRIVER = 160
"""MB that the driver of a test takes, with its reports."""
_OF_QEMU = 96
"""MB that QEMU takes beside the memory of its guest."""
_OF_CONTAINER = 256
"""MB of a container, whose cluster file names no size."""
_MARGIN = 1.25
"""A test may take this many times what earlier runs took."""
_LEAST_PROCESSORS = 0.25


@dataclass(frozen=True)
class Demand:
    """Memory in MB, and processors, of which a test may take a fraction."""

    memory: int
    processors: float

    def __add__(self, other: "Demand") -> "Demand":
        return Demand(self.memory + other.memory, self.processors + other.processors)

    def fits(self, capacity: "Demand") -> bool:
        """Whether it is not above `capacity`."""
        # Sums of fractions may be above a whole number by their rounding.
        within = self.processors <= capacity.processors + 1e-6
        return self.memory <= capacity.memory and within


NONE = Demand(0, 0)


@dataclass(frozen=True)
class Measured:
    """What runs of a test took: memory in MB at the peak, and processors on average."""

    memory: int
    processors: float


def total(demands: Iterable[Demand]) -> Demand:
    return sum(demands, NONE)


def of_machine(machine: Machine) -> Demand:
    """What one machine may take, by its cluster file."""
    return Demand(machine.memory + _OF_QEMU, machine.cpus)


def declared(cluster: Cluster) -> Demand:
    """What the machines of `cluster` may take by its file; nothing is booted for that."""
    machines = map(of_machine, cluster.machines)
    containers = [Demand(_OF_CONTAINER, 1) for _ in cluster.containers]
    return total([Demand(_OF_DRIVER, 0), *machines, *containers])


def expected(limit: Demand, measured: Measured | None) -> Demand:
    """What a test is expected to take: what earlier runs took, with a margin, up to `limit`."""
    if measured is None:
        return limit
    memory = math.ceil(measured.memory * _MARGIN)
    processors = max(measured.processors * _MARGIN, _LEAST_PROCESSORS)
    return Demand(min(memory, limit.memory), min(processors, limit.processors))
