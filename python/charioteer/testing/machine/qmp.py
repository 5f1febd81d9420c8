"""QMP for scripts: `machine.qmp_client`."""

import json
import queue
from collections.abc import Iterator, Mapping
from typing import Any

from charioteer import _core as core
from charioteer._core import QMPAPIError
from charioteer.testing.duration import Duration, seconds
from charioteer.testing.replaced import Replaced

__all__ = ["QMPAPIError", "QMPSession"]


class QMPSession:
    """The QMP connection of a machine; the same object for all starts of QEMU.

    The core owns the connection and keeps the last 1000 unread events.
    """

    sock = Replaced("the core owns the connection; use send() and events()")
    reader = Replaced("the core owns the connection; use read_pending_messages() and events()")
    writer = Replaced("the core owns the connection; use send()")
    _wait_for_new_result = Replaced("send() returns the result of its command")
    from_path = Replaced("every machine has a connection: machine.qmp_client")

    def __init__(self, machine: core.Machine) -> None:
        self._machine = machine
        self.pending_events: queue.Queue[dict[str, Any]] = queue.Queue()
        """Events that were received but not consumed."""
        self.results: queue.Queue[dict[str, Any]] = queue.Queue()
        """Always empty, since `send` returns each result."""

    def send(self, cmd: str, args: Mapping[str, Any] = {}) -> dict[str, Any]:
        """Sends a command; returns the whole reply, with its `return`.

        Raises QMPAPIError, a RuntimeError, with QEMU's error; TypeError.
        """
        if not isinstance(cmd, str):
            raise TypeError(f"send(): argument 'cmd' takes the name of a command, not {cmd!r}")
        if not isinstance(args, Mapping):
            raise TypeError(f"send(): argument 'args' takes a dictionary, not {args!r}")
        reply: dict[str, Any] = json.loads(self._machine.qmp(cmd, json.dumps(dict(args))))
        return reply

    def read_pending_messages(self) -> None:
        """Moves the received events to `pending_events`. Does not wait.

        Raises RuntimeError before the first start.
        """
        if not self._machine.booted and self._machine.process is not None:
            return
        while True:
            try:
                self.pending_events.put(json.loads(self._machine.next_qmp_event(0.0)))
            except (TimeoutError, core.ConnectionLost):
                return

    def wait_for_event(self, timeout: Duration = 10) -> dict[str, Any]:
        """The next unread event. Raises TimeoutError."""
        try:
            return self.pending_events.get(block=False)
        except queue.Empty:
            event: dict[str, Any] = json.loads(self._machine.next_qmp_event(seconds(timeout)))
            return event

    def events(self, timeout: Duration = 10) -> Iterator[dict[str, Any]]:
        """The unread events. Does not wait.

        `timeout` has no effect; upstream has it, too.
        """
        self.read_pending_messages()
        while not self.pending_events.empty():
            yield self.pending_events.get(block=False)

    def close(self) -> None:
        """Drops unread events. The core closes the connection with QEMU."""
        self.pending_events = queue.Queue()
