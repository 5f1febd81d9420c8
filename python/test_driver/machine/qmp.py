"""QEMU's machine protocol."""

from charioteer.testing.machine.qmp import QMPAPIError, QMPSession

__all__ = [
    "QMPAPIError",
    "QMPSession",
]
