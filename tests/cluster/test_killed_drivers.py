"""Drivers that are killed while they save and restore machines."""

import signal

import pytest

from support.recorded_cluster import TWO, Cluster, end_at_random_moments
from support.testbed import Testbed


@pytest.mark.limit(5400)
def test_killed_at_fifty_random_moments(testbed: Testbed) -> None:
    end_at_random_moments(Cluster(testbed, TWO), 50, [signal.SIGKILL])
