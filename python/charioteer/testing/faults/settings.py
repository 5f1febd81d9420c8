"""Checks the settings of faults. Each raises ValueError with a text that continues "takes "."""

import re

from charioteer.testing.duration import seconds

_SPEED = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(k|m|g)?bit(?:/s)?\s*", re.IGNORECASE)
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_LONGEST = 24 * 3600
"""Of a delay, in seconds."""


def duration(value: object) -> float:
    """A delay in seconds."""
    try:
        taken = seconds(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        taken = -1
    if not 0 <= taken <= _LONGEST:
        raise ValueError('seconds as a number, a timedelta, or text like "0.5s", up to a day')
    return taken


def probability(value: object) -> float:
    """A probability."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError("a probability, 0 to 1")
    return float(value)


def correlation(value: object) -> float:
    """A correlation of successive frames."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError("a correlation, 0 to less than 1")
    return float(value)


def speed(value: object) -> float:
    """Bits per second, at least 1."""
    match = _SPEED.fullmatch(value) if isinstance(value, str) else None
    if match:
        taken = float(match[1]) * _FACTORS[(match[2] or "").lower()]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        taken = float(value)
    else:
        taken = 0
    if not 1 <= taken <= 1e15:
        raise ValueError('bits per second as a number, or text like "1mbit" (kbit, mbit, gbit)')
    return taken
