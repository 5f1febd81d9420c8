"""Loggers."""

from charioteer.testing.logger import (
    AbstractLogger,
    CompositeLogger,
    JunitXMLLogger,
    LogLevel,
    TerminalLogger,
    XMLLogger,
)

__all__ = [
    "AbstractLogger",
    "CompositeLogger",
    "JunitXMLLogger",
    "LogLevel",
    "TerminalLogger",
    "XMLLogger",
]
