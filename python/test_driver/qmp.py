"""The name of `test_driver.machine.qmp` in releases in which machines were not yet a package."""

from charioteer.testing.machine.qmp import QMPAPIError, QMPSession

__all__ = [
    "QMPAPIError",
    "QMPSession",
]
