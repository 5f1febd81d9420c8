"""Waits for room on this host: for tests that are not started by a suite, such as those of pytest."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from charioteer.suite.demand import Demand
from charioteer.suite.host import capacity
from charioteer.suite.ledger import Entry, Ledger

_LOOK_EVERY = 0.2
_LIMIT = 4 * 3600.0
"""Seconds in which tests of others end, as they have time limits."""


class NoRoom(Exception):
    """Other tests have taken the host for hours. The text has the demand."""


class Room:
    """The claims of this process in the ledger that all suites of the host share.

    To be used on one thread.
    """

    def __init__(self, ledger: Ledger, limit: Demand | None = None) -> None:
        """`limit`: what all tests may take together; None: what this host has. Raises OSError."""
        self._ledger = ledger
        self._capacity = limit or capacity(ledger)
        self._claims = 0

    @contextmanager
    def claimed(self, demand: Demand) -> Iterator[Entry]:
        """Waits for room, in the order in which processes have begun to wait.

        Within the block the room is claimed. More than the host has is all that it has. A process
        that has a claim does not wait for another one: two could wait for each other for ever.
        Raises NoRoom, OSError.
        """
        memory = min(demand.memory, self._capacity.memory)
        fitted = Demand(memory, min(demand.processors, self._capacity.processors))
        entry = self._wait(fitted)
        self._claims += 1
        try:
            yield entry
        finally:
            self._claims -= 1
            entry.release()

    def _wait(self, demand: Demand) -> Entry:
        end = time.monotonic() + _LIMIT
        try:
            while time.monotonic() < end:
                with self._ledger.locked():
                    used = self._ledger.claimed() + self._ledger.wished_before()
                    if self._claims or (used + demand).fits(self._capacity):
                        return self._ledger.claim(demand)
                    self._ledger.wish(demand)
                time.sleep(_LOOK_EVERY)
        finally:
            self._ledger.withdraw()
        raise NoRoom(
            f"other tests leave no room for {demand.memory} MB and {demand.processors:g} processors"
            f" within {_LIMIT:.0f} s"
        )
