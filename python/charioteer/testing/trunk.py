"""Trunks: a VLAN joined to the same VLAN of another driver."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from charioteer import _core as core
from charioteer.testing.errors import MachineError

_SLICE = 0.05
"""Seconds between looks at signals such as Ctrl-C."""


class Trunk:
    """A VLAN joined to the same VLAN of another driver, until close(), the end of `with`, or that
    of either VLAN.
    """

    host: str
    """What is at the other end, as the script has named it."""

    def __init__(
        self, vlan: int, host: str, handle: core.Trunk, end: Callable[[core.Trunk], None]
    ) -> None:
        """`vlan` is its number; `end` ends the trunk."""
        self.host = host
        self._vlan = vlan
        self._handle = handle
        self._end = end

    @property
    def state(self) -> Literal["waiting", "joined", "ended"]:
        """`waiting` until the other side has introduced itself."""
        return self._handle.state

    @property
    def reason(self) -> str:
        """Why it has ended, as "it was closed by the other side"; empty while it has not."""
        return self._handle.reason

    def wait_until_joined(self, timeout: float = 60) -> None:
        """Waits for the other side, at most `timeout` seconds.

        Raises MachineError, which names host and VLAN, when the trunk has ended or the other side
        is silent.
        """
        what = f"vlan{self._vlan}: the trunk to {self.host}"
        end = time.monotonic() + timeout
        while not self._handle.await_join(_SLICE):
            if time.monotonic() >= end:
                raise MachineError(f"{what}: the other side was silent for {timeout:g} s")
        if self.state == "ended":
            raise MachineError(f"{what} has ended: {self.reason}")

    def close(self) -> None:
        """Ends the trunk; the other side sees the end of the stream. Idempotent."""
        if self.state != "ended":
            self._end(self._handle)

    def __enter__(self) -> "Trunk":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Trunk of vlan{self._vlan} to {self.host}: {self.state}>"
