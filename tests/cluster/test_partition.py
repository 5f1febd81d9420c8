"""The example with a replicated database: its schedule of network faults, and what its check finds."""

import re

import pytest

from support.resumed_example import ResumedExample
from support.testbed import Testbed

pytestmark = pytest.mark.limit(2400)


def test_a_seed_repeats_the_schedule_and_the_run_is_resumed(testbed: Testbed) -> None:
    example = ResumedExample(testbed, "partition")
    seed = ("--seed", "7")
    runs = [example.run(*seed, limit=1000), example.run(*seed, "--checkpoint", limit=1000)]
    schedules = [re.findall(r"^(\S+-\d+): \{", run.stdout, re.MULTILINE) for run in runs]
    assert len(schedules[0]) == 6
    assert schedules[0] == schedules[1]
    assert len(example.saved) == 4
    example.resume_at_each(limit=1000)
