"""Examples that boot machines in most of their subtests, resumed at each of them."""

import pytest

from support.resumed_example import BOOT_IN_SUBTESTS, ResumedExample
from support.testbed import Testbed


@pytest.mark.limit(3600)
@pytest.mark.parametrize("name", BOOT_IN_SUBTESTS)
def test_resumed_at_each_subtest(testbed: Testbed, name: str) -> None:
    example = ResumedExample(testbed, name)
    example.run("--checkpoint", limit=1500)
    example.resume_at_each(limit=1500)
