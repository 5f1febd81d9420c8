"""QMP under the name of releases in which machines were not yet a package."""

from test_driver.machine.qmp import QMPAPIError, QMPSession

__all__ = ["QMPAPIError", "QMPSession"]
