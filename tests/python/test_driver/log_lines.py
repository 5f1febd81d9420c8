"""The lines that a logger on the fake core has written."""

import re

from charioteer.testing.logger import AbstractLogger

_COLOUR = re.compile(r"\x1b\[\d+m")


def raw_log_lines(logger: AbstractLogger) -> list[str]:
    lines: list[str] = getattr(logger.reporter, "lines")
    return lines


def log_lines(logger: AbstractLogger) -> list[str]:
    """The lines without colours, and with all durations as 0.00."""
    lines = [_COLOUR.sub("", line) for line in raw_log_lines(logger)]
    return [re.sub(r"in \d+\.\d\d seconds", "in 0.00 seconds", line) for line in lines]
