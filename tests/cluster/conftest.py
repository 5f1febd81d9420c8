"""The nodes that are shared by the tests of this folder."""

from collections.abc import Iterator

import pytest

from mesh import Mesh
from support.patience import deadline
from support.team import BOOT_LIMIT, team

NODES = """
[machines.primer]
guest = "primer"
[machines.worker1]
guest = "worker"
[machines.worker2]
guest = "worker"
"""


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """`primer`, `worker1` and `worker2`, joined to the tailnet."""
    with team(NODES) as made:
        nodes = Mesh(made)
        with deadline(4 * BOOT_LIMIT):
            nodes.start()
        yield nodes
