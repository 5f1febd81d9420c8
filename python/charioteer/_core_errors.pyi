"""The exceptions of charioteer._core; there is no module of this name."""

class RequestedAssertionFailed(Exception):
    """A condition that the test requires does not hold. `__notes__` has the context."""

class MachineError(Exception):
    """The driver, QEMU or the host failed. `__notes__` has the context."""

class ShellError(MachineError, RuntimeError, ValueError, BrokenPipeError, ConnectionResetError):
    """The root shell did not start, was lost, or does not respond."""

class ConnectionLost(MachineError, BrokenPipeError, ConnectionResetError):
    """QEMU closed a connection, usually because it ended."""

class MachineTimeout(MachineError, TimeoutError):
    """An operation of QEMU or a guest exceeded its limit."""

class NotRunning(MachineError, AssertionError, BrokenPipeError):
    """The operation requires a running machine, and the machine is off."""

class CopyFailed(MachineError, RequestedAssertionFailed):
    """The guest cannot read or write what is to be copied."""

class QMPAPIError(RuntimeError):
    """QEMU rejected a command, which is in `__notes__`."""
