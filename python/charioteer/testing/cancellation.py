"""Cancellation of the driver's own threads, in the core's waits too."""

import threading

_of_this_thread = threading.local()


class Cancelled(BaseException):
    """What this thread does was cancelled. Not an Exception, so that test scripts let it pass."""


class CancelToken:
    """Cancels what some threads do. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def adopt_thread(self) -> None:
        """The token is that of the calling thread from now on."""
        _of_this_thread.token = self

    def cancel(self) -> None:
        """The threads get Cancelled at their next check, in waits within about 0.05 s."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        return self._event.is_set()


def check_cancelled() -> None:
    """Raises Cancelled on a thread whose token was cancelled."""
    token: CancelToken | None = getattr(_of_this_thread, "token", None)
    if token is not None and token.is_cancelled:
        raise Cancelled
