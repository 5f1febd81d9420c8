"""The log of a run: on the terminal, as XML, as a JUnit report, as a trace; `python` is for `logging`."""

from charioteer.testing.logger.base import AbstractLogger, LogLevel
from charioteer.testing.logger.composite import CompositeLogger
from charioteer.testing.logger.junit import JunitXMLLogger
from charioteer.testing.logger.quiet import QuietLogger
from charioteer.testing.logger.terminal import TerminalLogger
from charioteer.testing.logger.trace import TraceLogger
from charioteer.testing.logger.xml import XMLLogger

__all__ = [
    "AbstractLogger",
    "CompositeLogger",
    "JunitXMLLogger",
    "LogLevel",
    "QuietLogger",
    "TerminalLogger",
    "TraceLogger",
    "XMLLogger",
]
