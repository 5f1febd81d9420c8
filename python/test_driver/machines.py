"""The same on several machines at once: Charioteer's own."""

from charioteer.testing.machines import Machines

__all__ = [
    "Machines",
]
