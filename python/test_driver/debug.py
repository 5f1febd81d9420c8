"""Breakpoints where a test fails."""

from charioteer.testing.debug import Debug, DebugAbstract, DebugNop

__all__ = [
    "Debug",
    "DebugAbstract",
    "DebugNop",
]
