"""Conditions that must hold while a block of the test runs."""

from charioteer.testing.errors import PollingConditionError
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.polling_condition import PollingCondition

__all__ = [
    "AbstractLogger",
    "PollingCondition",
    "PollingConditionError",
]
