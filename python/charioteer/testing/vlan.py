"""VLANs: the Ethernet segments that connect machines."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Protocol

from charioteer import _core as core
from charioteer.testing.capture import CLIENTS_LIMIT, DISKS_LIMIT, Capture, path_within
from charioteer.testing.faults.fault import Fault, VLanFault
from charioteer.testing.faults.groups import Group, Pair
from charioteer.testing.faults.seed import Seed, seed_in_use
from charioteer.testing.faults.verbs import Partitions, Request
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.parameters import checked
from charioteer.testing.replaced import Replaced
from charioteer.testing.script_trace import current_line, current_place
from charioteer.testing.trunk import Trunk


class HasFileno(Protocol):
    """A socket, a pipe, or another file."""

    def fileno(self) -> int:
        ...


def _descriptor(end: int | HasFileno) -> int:
    return end if isinstance(end, int) else end.fileno()


class VLan(Partitions):
    """One segment, a hub inside the driver.

    Start scripts find it by environment variables, which the constructor sets unless the machines
    are given them (`QemuMachine.variables`).
    """

    seed: Seed
    """Of the random decisions of faults."""

    nr: int
    """The number by which configurations and start scripts name it."""
    socket_dir: Path
    """The folder of its control socket, as QEMU's option `vde` takes it."""
    pid: int
    """The process that forwards frames: the driver itself."""

    process = Replaced("the driver itself forwards frames; counters() counts them, stop() ends it")
    plug_process = Replaced("the driver itself opens the interface of the kernel, `tap`")
    fd = Replaced("a VLAN has no console; use counters()")

    tap: str = ""
    """A network interface of the kernel by which the segment is reached, too."""

    out_dir: Path | None = None
    """The folder for captures; None: the current one."""

    def __init__(
        self, nr: int, tmp_dir: Path, logger: AbstractLogger, *, exports: bool = True
    ) -> None:
        """Without `exports` the environment of this process stays as it is.

        Raises MachineError, naming the process, when a living driver uses the directory.
        """
        self.nr = int(nr)
        self.logger = logger
        self.seed = seed_in_use()
        self._lock = threading.Lock()
        self._faults: list[VLanFault] = []
        self._numbers: dict[str, int] = {}  # of the last fault, by its verb
        self._captures: list[Capture] = []
        self._is_stopped = False
        self.logger.info("start vlan")
        self.handle = core.VLan(self.nr, str(tmp_dir), logger.reporter, self.tap)
        self.socket_dir = Path(self.handle.socket_dir)
        self.pid = os.getpid()
        if exports:
            os.environ.update(self.variables)
        self.logger.info(f"running vlan (pid {self.pid}; ctl {self.socket_dir})")

    @property
    def tap_name(self) -> str:
        """The name of `tap` since NixOS 26.05."""
        return self.tap

    def __repr__(self) -> str:
        return f"<Vlan Nr. {self.nr}>"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which start scripts find the VLAN."""
        return {
            f"QEMU_VDE_SOCKET_{self.nr}": self.handle.socket_dir,
            f"CHARIOTEER_VLAN_SOCKET_{self.nr}": self.handle.stream_socket,
        }

    def counters(self) -> dict[str, int]:
        """Frames received, copies of them delivered, and what was dropped, by reason."""
        return self.handle.counters()

    def plugs(self) -> list[str]:
        """What is connected now: the names of machines, a tap device, and "plug3" for a program of
        the host.

        The second card of a machine that has two here is "NAME#2".
        """
        return self.handle.plugs()

    @property
    def faults(self) -> list[Fault]:
        with self._lock:
            return [*self._faults]

    @property
    def _owner(self) -> str:
        return f"vlan{self.nr}"

    def _groups(self, machines: Sequence[Group]) -> Sequence[Group]:
        return machines

    def start_fault(self, request: Request) -> VLanFault:
        """Starts a fault. Raises ValueError, MachineError."""
        with self._lock:
            number = self._numbers[request.verb] = self._numbers.get(request.verb, 0) + 1
        name = request.name or f"{request.verb}-{number}"
        links = request.links(Random(f"{self.seed.value} {self._owner} {name}"))
        self._check_links(request.verb, links)
        step = f"{self._owner}: {name}: {request.description}"
        with self.logger.nested(step):
            try:
                counts = self.handle.add_fault(
                    name,
                    request.kind,
                    request.values,
                    links,
                    request.match or "",
                    self.seed.value,
                    current_place(),
                )
            except ValueError as error:
                raise ValueError(f"{self._owner}.{request.verb}: {error}") from None
        fault = VLanFault(name, request.kind, request.description, counts, self._end)
        with self._lock:
            self._faults.append(fault)
        self._record(fault, "begin", {"seed": self.seed.value, "match": request.match})
        if request.is_random:
            self.seed.announce(self.logger)
        return fault

    _start = start_fault

    def _check_links(self, verb: str, links: Sequence[Pair]) -> None:
        """Raises ValueError for links on which faults would have no effect."""

    def _end(self, fault: VLanFault) -> None:
        with self.logger.nested(f"{self._owner}: {fault.name} ends"):
            # A stopped VLAN has no frames, so nothing is left to be removed.
            if not self._is_stopped:
                self.handle.remove_fault(fault.name)
        with self._lock:
            self._faults = [each for each in self._faults if each is not fault]
        counters = {name: str(number) for name, number in fault.counters().items() if number}
        self._record(fault, "end", {"counters": counters})

    def _record(self, fault: VLanFault, state: str, facts: dict[str, "core.Field"]) -> None:
        self.logger.record(
            "fault",
            {
                "vlan": self.nr,
                "name": fault.name,
                "fault": fault.kind,
                "state": state,
                "text": fault.description,
                "line": current_line(),
                **facts,
            },
        )

    @checked
    def capture(self, name: str) -> Capture:
        """Writes all frames from now on to the file `name` of the output directory.

        The format is pcapng, for Wireshark and tcpdump. It ends by `stop()` of the result, at the
        end of the block with `with vlan1.capture("mesh.pcapng"):`, or with the run. Raises
        ValueError for a path that leaves the output directory or to which another capture writes,
        OSError, and MachineError after stop().
        """
        path = path_within(self.out_dir or Path.cwd(), name)
        with self.logger.unlogged_step(f"capturing vlan{self.nr} to {name}"):
            self.logger.describe_step({"file": str(path)})
            capture = Capture(
                path, self.logger, lambda fd: self.handle.capture(fd, f"vlan{self.nr}")
            )
        with self._lock:
            self._captures.append(capture)
        return capture

    def trunk(
        self, reader: int | HasFileno, writer: int | HasFileno | None = None, *, host: str
    ) -> Trunk:
        """Joins this VLAN to that of the same number of another driver, which calls this as well.

        `reader` and `writer` are a stream of bytes to it: descriptors, or objects with one, such as
        the standard streams of `ssh`; a socket is both. They are duplicated, so the caller may close
        its own. `host` names the other side in messages and, as "trunk-HOST", in `plugs()` and
        captures; machines there are known by their own names, for faults, too. Two VLANs must be
        joined in one way only. Raises ValueError if there is a trunk or a machine of that name, or if
        `host` is empty or has blanks or control characters; MachineError.
        """
        if not host or not host.isprintable() or " " in host:
            raise ValueError(f"vlan{self.nr}.trunk: the name of a host, got {host!r}")
        output = -1 if writer is None else _descriptor(writer)
        with self.logger.nested(f"joining vlan{self.nr} to that of {host}"):
            handle = self.handle.join(_descriptor(reader), output, host)
        return Trunk(self.nr, host, handle, self.handle.end_trunk)

    def release_captures(self) -> list[Capture]:
        """The captures that end with the VLAN; after this call the caller has to stop them."""
        with self._lock:
            captures, self._captures = self._captures, []
        return captures

    def stop(self) -> None:
        """Closes the segment and its connections. Idempotent."""
        self.logger.info(f"kill vlan (pid {self.pid})")
        for capture in self.release_captures():
            capture.stop()
        self._is_stopped = True
        self.handle.stop(CLIENTS_LIMIT, DISKS_LIMIT)
