"""VLANs."""

from charioteer.testing.vlan import VLan

__all__ = [
    "VLan",
]
