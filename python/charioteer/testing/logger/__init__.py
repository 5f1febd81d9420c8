"""The log of a run: on the terminal, as XML, as a JUnit report, as a trace, for `logging`."""

from typing import TYPE_CHECKING, Any

from charioteer.testing.logger.base import AbstractLogger, LogLevel
from charioteer.testing.logger.composite import CompositeLogger
from charioteer.testing.logger.junit import JunitXMLLogger
from charioteer.testing.logger.quiet import QuietLogger
from charioteer.testing.logger.terminal import TerminalLogger
from charioteer.testing.logger.trace import TraceLogger
from charioteer.testing.logger.xml import XMLLogger

if TYPE_CHECKING:
    from charioteer.testing.logger.python import PythonLogger

__all__ = [
    "AbstractLogger",
    "CompositeLogger",
    "JunitXMLLogger",
    "LogLevel",
    "PythonLogger",
    "QuietLogger",
    "TerminalLogger",
    "TraceLogger",
    "XMLLogger",
]


def __getattr__(name: str) -> Any:
    # Slow to import, and no run of the driver uses it.
    if name == "PythonLogger":
        from charioteer.testing.logger.python import PythonLogger

        return PythonLogger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
