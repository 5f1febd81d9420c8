"""tests/support/patience.py: the deadlines of the tests themselves."""

import signal
import time

import pytest

from support.patience import DeadlineExceeded, deadline


def wait_for_alarm() -> None:
    """Not signal.pause(), which does not end if the signal has come just before."""
    while True:
        time.sleep(0.01)


def test_a_nested_deadline_does_not_cancel_the_outer_one() -> None:
    with pytest.raises(DeadlineExceeded), deadline(0.1):
        with deadline(60):
            pass
        wait_for_alarm()


def test_after_a_block_the_deadline_of_the_test_applies_again() -> None:
    with pytest.raises(DeadlineExceeded), deadline(0.01):
        wait_for_alarm()
    # The deadline of this test itself.
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 1
