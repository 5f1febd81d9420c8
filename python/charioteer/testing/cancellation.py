"""Cancellation of the driver's own threads, also during waits in the core."""

import threading

_of_this_thread = threading.local()


class Cancelled(BaseException):
    """This thread's work was cancelled. Not an Exception, so that scripts do not catch it."""


class CancelToken:
    """Cancels the work of a set of threads. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def adopt_thread(self) -> None:
        """Adds the calling thread to those that the token cancels."""
        _of_this_thread.token = self

    def cancel(self) -> None:
        """Raises Cancelled in the threads at their next check; during waits within about 0.05 s."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        return self._event.is_set()


def check_cancelled() -> None:
    """Raises Cancelled on a thread whose token was cancelled."""
    token: CancelToken | None = getattr(_of_this_thread, "token", None)
    if token is not None and token.is_cancelled:
        raise Cancelled
