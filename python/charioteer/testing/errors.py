"""The exceptions that a test script may catch.

`str(error)` is the first text alone; further facts (machine, elapsed time, last output) are in the
notes of the exception, which the failure report prints after it.
"""

from charioteer._core import (
    ConnectionLost,
    CopyFailed,
    MachineError,
    MachineTimeout,
    NotRunning,
    RequestedAssertionFailed,
    ShellError,
)

__all__ = [
    "ConnectionLost",
    "CopyFailed",
    "MachineError",
    "MachineTimeout",
    "NotRunning",
    "PollingConditionError",
    "RequestedAssertionFailed",
    "ShellError",
]


class PollingConditionError(Exception):
    """A polling condition did not hold."""

    # The name that tracebacks show, as for the core's errors.
    __module__ = "test_driver.errors"
