"""The time limit of a run, with the interface of threading.Timer that scripts use."""

from charioteer import _core as core
from charioteer.testing.duration import Duration


class Timer:
    """The time limit of a run, which is pending within `with timer:`."""

    def __init__(self, session: core.Session, limit: Duration) -> None:
        self._session = session
        self.interval = limit
        """What `start` counts from; in seconds, or a timedelta."""
        self._is_armed = False

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_exception: object) -> None:
        self.cancel()

    def start(self) -> None:
        self._session.arm_timeout(self.interval)
        self._is_armed = True

    def cancel(self) -> None:
        self._session.cancel_timeout()
        self._is_armed = False

    def is_alive(self) -> bool:
        """Whether the limit is still pending."""
        return self._is_armed
