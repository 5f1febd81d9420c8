"""Durations in test scripts: seconds as a number, or a timedelta."""

import re
import warnings
from datetime import timedelta

Duration = int | float | timedelta

_TEXT = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)([smhd]?)\s*")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class _Deprecation:
    """Whether numbers cause a warning, as in NixOS 26.11."""

    is_on = False


def deprecate_numbers(is_on: bool) -> None:
    """Sets whether scripts get warnings for numbers as durations, in the whole process."""
    _Deprecation.is_on = is_on


def numbers_are_deprecated() -> bool:
    return _Deprecation.is_on


def as_timedelta(duration: Duration) -> timedelta:
    """The duration as a timedelta. Raises TypeError."""
    if isinstance(duration, timedelta):
        return duration
    return timedelta(seconds=seconds(duration))


def as_seconds(duration: Duration) -> float:
    """The duration in seconds. Raises TypeError."""
    return float(as_timedelta(duration).total_seconds())


def seconds(duration: Duration) -> float:
    """The duration in seconds. Raises TypeError, ValueError."""
    taken = as_duration(duration)
    return taken.total_seconds() if isinstance(taken, timedelta) else float(taken)


def as_duration(value: object) -> Duration:
    """A duration of a script, also as text like "90", "1.5" or "1m" as accepted by the guest's
    `timeout` takes: units are s, m, h and d.

    Raises TypeError, ValueError, which name the accepted values.
    """
    if isinstance(value, bool):
        raise TypeError(f"expected a duration, got bool: {value!r}")
    if isinstance(value, (int, float, timedelta)):
        return value
    if isinstance(value, str):
        if match := _TEXT.fullmatch(value):
            length = float(match[1]) * _UNITS[match[2]]
            return int(length) if length == int(length) else length
        raise ValueError(f'a duration is seconds, or text like "90", "1.5" or "1m", not {value!r}')
    raise TypeError(
        f"expected a timedelta, int, or float duration, got {type(value).__name__}: {value!r}"
    )


def warn_of_number(function: str, stacklevel: int) -> None:
    """Warns that `function` was called with a number as a duration."""
    warnings.warn(
        f"{function}(): passing a bare int/float as a duration is deprecated. "
        "Use datetime.timedelta instead.",
        UserWarning,
        stacklevel=stacklevel,
    )


def render(duration: Duration) -> str:
    """The duration for messages and commands: numbers as given, a timedelta in seconds."""
    if isinstance(duration, timedelta):
        return str(duration.total_seconds())
    return str(duration)
