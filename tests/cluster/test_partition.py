"""The example with a replicated database: its schedule of network faults, and what its check finds."""

import re

import pytest

from support.resumed_example import ResumedExample
from support.testbed import Testbed

pytestmark = pytest.mark.limit(1200)


def test_a_seed_repeats_the_schedule_of_faults(testbed: Testbed) -> None:
    example = ResumedExample(testbed, "partition")
    runs = [example.run("--seed", "7", limit=1000) for _ in range(2)]
    schedules = [re.findall(r"^(\S+-\d+): \{", run.stdout, re.MULTILINE) for run in runs]
    assert len(schedules[0]) == 6
    assert schedules[0] == schedules[1]
