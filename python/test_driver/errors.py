"""What a test script may catch.

`str(error)` is the first text alone; further facts (machine, elapsed time, last output) are in the
notes of the exception, which the failure report prints after it.
"""

from charioteer._core import MachineError, RequestedAssertionFailed

__all__ = ["MachineError", "PollingConditionError", "RequestedAssertionFailed"]


class PollingConditionError(Exception):
    """A polling condition did not hold."""
