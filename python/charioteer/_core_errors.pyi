"""The part of charioteer._core that is about errors; there is no module of this name."""

class RequestedAssertionFailed(Exception):
    """Something that the test asked for is not so. Facts for the reader are in `__notes__`."""

class MachineError(Exception):
    """The driver, QEMU or the host is in trouble. Facts for the reader are in `__notes__`."""

class ShellError(MachineError, RuntimeError, ValueError, BrokenPipeError, ConnectionResetError):
    """The root shell did not appear, is lost, or does not answer."""

class ConnectionLost(MachineError, BrokenPipeError, ConnectionResetError):
    """QEMU closed a connection, most often by its end."""

class MachineTimeout(MachineError, TimeoutError):
    """QEMU or a guest did not do something in time."""

class NotRunning(MachineError, AssertionError, BrokenPipeError):
    """The machine is off where it has to run."""

class QMPAPIError(RuntimeError):
    """QEMU refused a command. What it was is in `__notes__`."""
