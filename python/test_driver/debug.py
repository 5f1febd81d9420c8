"""Breakpoints in failing tests."""

from charioteer.testing.debug import Debug, DebugAbstract, DebugNop
from charioteer.testing.logger import AbstractLogger

__all__ = [
    "AbstractLogger",
    "Debug",
    "DebugAbstract",
    "DebugNop",
]
