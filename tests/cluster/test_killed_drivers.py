"""Drivers that are ended while they save and restore machines."""

import signal

import pytest

from support.recorded_cluster import TWO, Cluster, end_at_random_moments
from support.testbed import Testbed


@pytest.mark.limit(5400)
def test_ended_at_fifty_random_moments(testbed: Testbed) -> None:
    signals = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    end_at_random_moments(Cluster(testbed, TWO), 50, signals)
