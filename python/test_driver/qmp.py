"""The name of `test_driver.machine.qmp` in releases in which `machine` was not a package."""

from charioteer.testing.machine.qmp import QMPAPIError, QMPSession

__all__ = [
    "QMPAPIError",
    "QMPSession",
]
