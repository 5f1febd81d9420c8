"""The cluster of Kubernetes with Headscale in a pod: its example."""

import pytest
from charioteer import paths

from support.workshop import Workshop


@pytest.mark.limit(3600)
def test_the_example(workshop: Workshop) -> None:
    run = workshop.run("charioteer", "run", str(paths.examples() / "cluster-headscale-k3s"))
    run.expect(0, limit=3500)
    assert run.stdout.splitlines()[-1] == "12 of 12 pings through the mesh passed"
