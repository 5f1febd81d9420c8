"""QMP, as scripts use it through `machine.qmp_client`."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from charioteer import _core as core
from charioteer._core import QMPAPIError

__all__ = ["QMPAPIError", "QMPSession"]


class QMPSession:
    """The monitor of a machine. Skipped events are lost."""

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine

    def send(self, cmd: str, args: Mapping[str, Any] = {}) -> dict[str, Any]:
        """Sends a command; returns the whole reply, with its `return`.

        Raises QMPAPIError, a RuntimeError, with QEMU's error.
        """
        reply: dict[str, Any] = json.loads(self._machine.qmp(cmd, json.dumps(dict(args))))
        return reply

    def wait_for_event(self, timeout: float = 10) -> dict[str, Any]:
        """The next event. Raises TimeoutError."""
        event: dict[str, Any] = json.loads(self._machine.next_qmp_event(timeout))
        return event

    def events(self, timeout: float = 10) -> Iterator[dict[str, Any]]:
        """Events as they come, until `timeout` seconds have passed."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            try:
                yield self.wait_for_event(left)
            except TimeoutError:
                return
