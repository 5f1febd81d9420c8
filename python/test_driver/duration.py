"""Durations."""

from charioteer.testing.duration import Duration, as_duration, as_seconds, as_timedelta

__all__ = [
    "Duration",
    "as_duration",
    "as_seconds",
    "as_timedelta",
]
