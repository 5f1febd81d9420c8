"""The nodes that are shared by the tests of this folder."""

from collections.abc import Iterator

import pytest

from mesh import Mesh
from support.patience import deadline
from support.shared_machines import BOOT_LIMIT, machines_of_cluster

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
    with machines_of_cluster(NODES) as made:
        nodes = Mesh(made)
        with deadline(4 * BOOT_LIMIT):
            nodes.start()
        yield nodes
