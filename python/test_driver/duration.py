"""Lengths of time as test scripts give them: seconds as a number, or a timedelta."""

from datetime import timedelta

Duration = int | float | timedelta


def seconds(duration: Duration) -> float:
    """The length in seconds."""
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    return float(duration)


def render(duration: Duration) -> str:
    """The length as messages and commands show it: numbers as given, a timedelta in seconds."""
    if isinstance(duration, timedelta):
        return str(duration.total_seconds())
    return str(duration)
