"""The part of charioteer._core for VLANs; there is no module of this name."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from charioteer._core_reports import Reporter

_Limit = int | float | timedelta

class FaultCounts:
    """The running counters of a fault."""

    def named(self) -> dict[str, int]:
        """`seen`, `dropped`, `delayed`, `duplicated`, `corrupted`, `held`, `overflowed`, in frames."""

class Capture:
    """Frames that are written to a file, until stop() or the end of the VLAN."""

    def stop(self, limit: _Limit) -> str:
        """Writes the rest, until `limit` at most.

        Returns why the file is incomplete, or an empty string. Idempotent.
        """

class Trunk:
    """Of a VLAN to the same VLAN elsewhere."""

    @property
    def state(self) -> Literal["waiting", "joined", "ended"]: ...
    @property
    def reason(self) -> str:
        """Why it has ended; an empty string while it has not."""
    def await_join(self, seconds: float) -> bool:
        """Waits while the state is "waiting", at most so long; returns whether it is not any more."""

class VLan:
    """One Ethernet segment, to which machines connect."""

    def __init__(self, nr: int, tmp_dir: str, reporter: Reporter, tap: str = "") -> None:
        """With `tap` a tap device of that name connects it to the host's kernel; requires root.

        Raises MachineError with the process id when another running driver uses the directory.
        """
    @property
    def nr(self) -> int: ...
    @property
    def socket_dir(self) -> str:
        """The value of `QEMU_VDE_SOCKET_{nr}`."""
    @property
    def stream_socket(self) -> str:
        """The value of `CHARIOTEER_VLAN_SOCKET_{nr}`: QEMU's stream netdev connects to it."""
    def counters(self) -> dict[str, int]:
        """The numbers of frames received, of copies delivered, and of frames dropped by reason."""
    def plugs(self) -> list[str]:
        """The names of what is connected, in the order of the ports. Raises MachineError after stop()."""
    def keep_frames(self) -> None:
        """From now on, the last 16 MiB of frames are kept for `write_last_frames`."""
    def write_last_frames(self, fd: int, comment: str) -> None:
        """Writes the frames that are kept as pcapng, and closes `fd`. Raises MachineError."""
    def capture(self, fd: int, comment: str) -> Capture:
        """Writes the frames from now on as pcapng, and closes `fd` at the end."""
    def add_fault(
        self,
        name: str,
        kind: str,
        values: Mapping[str, float],
        links: Sequence[tuple[str, str]],
        match: str,
        seed: int,
        origin: str,
    ) -> FaultCounts:
        """Starts a fault, which is in force on return.

        `kind`, and its `values`: "cut"; "lose" (`probability`, `correlation`); "slow" (`delay`,
        `jitter`, in seconds); "duplicate" (`probability`); "reorder" (`probability`, `delay`);
        "corrupt" (`probability`); "rate" (`rate`, in bits per second); "hold". `links`: pairs of names
        of senders and receivers, "" is any other. `match`: a capture filter, "" for all frames. `seed`
        is that of the run. `origin`: where the script is, such as "test.py:14", for captures; "" if it
        is not known. Raises ValueError for a bad filter, and a name in use; MachineError after stop().
        """
    def remove_fault(self, name: str) -> None:
        """Sends what waited for the fault. Does nothing if there is none of that name."""
    def name_address(self, address: str, machine: str) -> None:
        """Declares that the machine has this Ethernet address behind the tap device.

        Faults find it, and captures name it.
        """
    def join(self, input: int, output: int, host: str) -> Trunk:
        """Joins it to the same VLAN at the other end of these descriptors, which are duplicated.

        `output` is -1 if `input` is a socket, which is written to as well. Returns at once. Raises
        ValueError if there is a trunk to that host, or MachineError.
        """
    def end_trunk(self, trunk: Trunk) -> None:
        """Does nothing if it has ended. Raises MachineError after stop()."""
    def stop(self, clients: _Limit = 0, disks: _Limit = 0) -> None:
        """Ends the segment. Idempotent.

        `clients` and `disks`: how long clients of captures, and the disks of captures that have not
        been stopped, have for the last frames.
        """
