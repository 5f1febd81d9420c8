"""How a thread of ours that waits in the core is made to stop waiting."""

import threading

_of_this_thread = threading.local()


class CalledOff(BaseException):
    """Nobody wants what this thread does any more. Not an Exception, so that scripts let it pass."""


class Switch:
    """Calls off what some threads do. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def adopt_thread(self) -> None:
        """The calling thread obeys it from now on."""
        _of_this_thread.switch = self

    def turn(self) -> None:
        """The threads get CalledOff at their next look, in waits within about 0.05 s."""
        self._event.set()

    @property
    def turned(self) -> bool:
        return self._event.is_set()


def expect_wanted() -> None:
    """Raises CalledOff on a thread whose switch was turned."""
    switch: Switch | None = getattr(_of_this_thread, "switch", None)
    if switch is not None and switch.turned:
        raise CalledOff
