"""The cluster with Headscale on two hosts: network namespaces with a real sshd."""

from pathlib import Path

import pytest
from charioteer import paths

from support.network_hosts import TwoHosts, why_no_networks


@pytest.mark.limit(2400)
def test_nodes_on_two_hosts_reach_each_other_through_the_mesh(folder: Path) -> None:
    if reason := why_no_networks():
        pytest.skip(reason)
    with TwoHosts(folder).running() as hosts:
        run = hosts.run(paths.examples() / "cluster-headscale")
        run.expect(0, limit=2100)
        assert run.stdout.splitlines()[-1] == "12 of 12 pings through the mesh passed"
        # The primer asks for twice as much memory as a worker.
        assert "machines on b: primer, worker3" in run.stderr
        assert "machines on c: worker1, worker2" in run.stderr
        hosts.expect_nothing_left()
