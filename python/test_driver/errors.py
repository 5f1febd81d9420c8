"""The exceptions that a test script may catch."""

from charioteer.testing.errors import (
    ConnectionLost,
    CopyFailed,
    MachineError,
    MachineTimeout,
    NotRunning,
    PollingConditionError,
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
