"""Calls to machines that are neither recorded nor answered from a record."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

_of_this_thread = threading.local()


def is_unrecorded() -> bool:
    """Whether the calling thread is within a block of `unrecorded`."""
    return getattr(_of_this_thread, "depth", 0) > 0


@contextmanager
def unrecorded() -> Generator[None, None, None]:
    """Within the block, calls of this thread go to the core only.

    They are those of the driver, such as saving a checkpoint, and those that are made at moments that
    differ from run to run: by polling conditions, and within another call.
    """
    _of_this_thread.depth = getattr(_of_this_thread, "depth", 0) + 1
    try:
        yield
    finally:
        _of_this_thread.depth -= 1
