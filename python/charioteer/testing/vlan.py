"""VLANs: the Ethernet segments that connect machines."""

import os
from pathlib import Path

from charioteer import _core as core
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.replaced import Replaced


class VLan:
    """One segment, a hub inside the driver.

    Start scripts find it by environment variables, which the constructor sets.
    """

    nr: int
    socket_dir: Path
    pid: int
    """The process that forwards frames: the driver itself."""

    process = Replaced("the driver itself forwards frames; counters() counts them, stop() ends it")
    plug_process = Replaced("the driver itself opens the interface of the kernel, `tap`")
    fd = Replaced("a VLAN has no console; use counters()")

    tap: str = ""
    """A network interface of the kernel by which the segment is reached, too."""

    def __init__(self, nr: int, tmp_dir: Path, logger: AbstractLogger) -> None:
        """Raises MachineError, naming the process, when a living driver uses the directory."""
        self.nr = int(nr)
        self.logger = logger
        self.logger.info("start vlan")
        self.handle = core.VLan(self.nr, str(tmp_dir), logger.reporter, self.tap)
        self.socket_dir = Path(self.handle.socket_dir)
        self.pid = os.getpid()
        os.environ[f"QEMU_VDE_SOCKET_{self.nr}"] = self.handle.socket_dir
        os.environ[f"CHARIOTEER_VLAN_SOCKET_{self.nr}"] = self.handle.stream_socket
        self.logger.info(f"running vlan (pid {self.pid}; ctl {self.socket_dir})")

    @property
    def tap_name(self) -> str:
        """The name of `tap` since NixOS 26.05."""
        return self.tap

    def __repr__(self) -> str:
        return f"<Vlan Nr. {self.nr}>"

    def counters(self) -> dict[str, int]:
        """Frames received, copies of them delivered, and what was dropped, by reason."""
        return self.handle.counters()

    def stop(self) -> None:
        """Closes the segment and its connections. Idempotent."""
        self.logger.info(f"kill vlan (pid {self.pid})")
        self.handle.stop()
