"""What a logger on the fake core has written."""

import re

from charioteer.testing.logger import AbstractLogger

_COLOUR = re.compile(r"\x1b\[\d+m")


def raw(logger: AbstractLogger) -> list[str]:
    lines: list[str] = getattr(logger.reporter, "lines")
    return lines


def told(logger: AbstractLogger) -> list[str]:
    """Without colours, and with all durations as 0.00."""
    lines = [_COLOUR.sub("", line) for line in raw(logger)]
    return [re.sub(r"in \d+\.\d\d seconds", "in 0.00 seconds", line) for line in lines]
