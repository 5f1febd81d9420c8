"""VLANs."""

from charioteer.testing.logger import AbstractLogger
from charioteer.testing.vlan import VLan

__all__ = [
    "AbstractLogger",
    "VLan",
]
