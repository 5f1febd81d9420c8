"""Conditions that must hold all the time while a block of the test runs."""

from charioteer.testing.polling_condition import PollingCondition

__all__ = [
    "PollingCondition",
]
