"""Which thread's work the calling thread does, and at which line of the script."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from charioteer.testing.script_trace import current_line

_of_this_thread = threading.local()


class Kind(StrEnum):
    """Whose work a thread does."""

    MAIN = "main"
    """It is the main thread."""
    FOR_MAIN = "for main"
    """It does a part of a call of the main thread, which waits for it: on one of several machines."""
    OTHER = "other"
    """It is a thread of the script, or reads the output of a background command."""


@dataclass(frozen=True)
class Caller:
    """Who makes a call."""

    kind: Kind
    line: int | None
    """The line of the script; None outside of the script."""


def caller() -> Caller:
    """That of the calling thread."""
    given: Caller | None = getattr(_of_this_thread, "caller", None)
    if given is not None:
        return given
    is_main = threading.current_thread() is threading.main_thread()
    return Caller(Kind.MAIN if is_main else Kind.OTHER, current_line())


@contextmanager
def working_for(who: Caller) -> Generator[None, None, None]:
    """Within the block the calling thread does the work of `who`, which waits for it."""
    kind = Kind.FOR_MAIN if who.kind is Kind.MAIN else who.kind
    _of_this_thread.caller = Caller(kind, who.line)
    try:
        yield
    finally:
        _of_this_thread.caller = None
