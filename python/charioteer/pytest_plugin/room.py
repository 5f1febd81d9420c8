"""What the tests of pytest take of the host, in the ledger that all suites share."""

import pytest

from charioteer.suite.ledger import Ledger
from charioteer.suite.room import Room

_ROOM = pytest.StashKey[Room]()


def of(config: pytest.Config) -> Room:
    """The claims of this process, which may be a worker of pytest-xdist. Raises OSError."""
    if _ROOM not in config.stash:
        config.stash[_ROOM] = Room(Ledger())
    return config.stash[_ROOM]
