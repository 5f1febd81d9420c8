"""The test script as records of the trace, so that the page of a run can show it."""

from charioteer.testing.logger import AbstractLogger

_PART = 4000
"""Characters of a record's text; each has four bytes at most, and longer texts are cut."""


def record(logger: AbstractLogger, path: str, script: str) -> None:
    """Records the whole script, in parts of whole lines."""
    part = ""
    for line in script.splitlines(keepends=True):
        if part and len(part) + len(line) > _PART:
            logger.record("script", {"path": path, "text": part})
            part = ""
        part += line
    logger.record("script", {"path": path, "text": part})
