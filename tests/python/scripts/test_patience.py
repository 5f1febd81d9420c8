"""tests/support/patience.py: the deadlines of the tests themselves."""

import signal

import pytest

from support.patience import Hung, deadline


def test_a_deadline_within_another_one_leaves_that_running() -> None:
    with pytest.raises(Hung), deadline(0.1):
        with deadline(60):
            pass
        signal.pause()


def test_a_deadline_that_is_over_is_none_any_more() -> None:
    with pytest.raises(Hung), deadline(0.01):
        signal.pause()
    # That of this test itself.
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 1
