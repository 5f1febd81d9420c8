"""Methods of machines that run on several machines in parallel; an extension of Charioteer."""

from charioteer.testing.machines import Machines

__all__ = [
    "Machines",
]
