"""Standard input of a script while a live view is shown: reading suspends the view."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class _Input:
    """`stream`, whose readers wait within `suspended()`."""

    def __init__(self, stream: Any, suspended: Callable[[], AbstractContextManager[None]]) -> None:
        self._stream = stream
        self._suspended = suspended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def readline(self, *size: int) -> str:
        with self._suspended():
            return str(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[str]:
        with self._suspended():
            return list(self._stream.readlines(*hint))

    def read(self, *size: int) -> str:
        with self._suspended():
            return str(self._stream.read(*size))


@contextmanager
def suspending_input(
    suspended: Callable[[], AbstractContextManager[None]]
) -> Generator[None, None, None]:
    """Within the block `sys.stdin` is read within `suspended()`, if it is a terminal."""
    before = sys.stdin
    if before is None or before is not sys.__stdin__ or not before.isatty():
        yield
        return
    wrapped: Any = _Input(before, suspended)
    sys.stdin = wrapped
    try:
        yield
    finally:
        sys.stdin = before
