"""The state that a container's systemd reports by the protocol of sd_notify(3)."""

import socket
import threading
from pathlib import Path


class NotifySocket:
    """The socket of $NOTIFY_SOCKET. A thread reads it until `close`, or senders would block."""

    def __init__(self, path: Path) -> None:
        """Creates the socket at `path`, replacing an old one. Raises OSError."""
        self.path = path
        self._values: dict[str, str] = {}
        self._changed = threading.Condition()
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._read, daemon=True, name=path.name).start()

    def _read(self) -> None:
        with self._socket:
            while data := self._socket.recv(65536):
                lines = data.decode(errors="replace").split("\n")
                with self._changed:
                    for name, separator, value in (line.partition("=") for line in lines):
                        if separator:
                            self._values[name] = value
                    self._changed.notify_all()

    def value(self, name: str) -> str | None:
        """The last reported value of `name`."""
        with self._changed:
            return self._values.get(name)

    def wait_for(self, timeout: float, *names: str) -> bool:
        """Waits up to `timeout` seconds; returns whether all of `names` have been reported."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(each in self._values for each in names), timeout
            )

    def close(self) -> None:
        """Ends the thread and removes the socket."""
        # An empty datagram ends the loop; closing the socket would not wake the thread.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waker:
            try:
                waker.sendto(b"", str(self.path))
            except OSError:
                pass  # it was removed
        self.path.unlink(missing_ok=True)
