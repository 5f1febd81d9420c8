"""What a test tells, and where it goes: the terminal, an XML log, a JUnit report."""

from test_driver.logger.base import AbstractLogger, LogLevel
from test_driver.logger.composite import CompositeLogger
from test_driver.logger.junit import JunitXMLLogger
from test_driver.logger.terminal import TerminalLogger
from test_driver.logger.xml import XMLLogger

__all__ = [
    "AbstractLogger",
    "CompositeLogger",
    "JunitXMLLogger",
    "LogLevel",
    "TerminalLogger",
    "XMLLogger",
]
