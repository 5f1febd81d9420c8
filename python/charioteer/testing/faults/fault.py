"""A fault that a script has started."""

import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from charioteer import _core as core


class Fault:
    """A fault, in force until `remove`, or until the end of its `with` block."""

    def __init__(self, name: str, kind: str, description: str) -> None:
        self.name = name
        """Unique on the VLAN, as "slow-1"; the random decisions depend on it."""
        self.kind = kind
        """What it does: cut, lose, slow, duplicate, reorder, corrupt, rate or hold."""
        self.description = description
        """Its links and settings, for people."""

    @property
    def is_active(self) -> bool:
        """Whether it has not been removed."""
        raise NotImplementedError

    def counters(self) -> dict[str, int]:
        """What it has done so far, in frames; also after it was removed.

        `seen`: frames on its links that match its filter, of which it has `dropped`, `delayed`,
        `duplicated`, `corrupted` or `held` some, and dropped others because too many were waiting
        (`overflowed`).
        """
        raise NotImplementedError

    def remove(self) -> None:
        """Ends the fault. Frames that it holds or delays are delivered at once. Idempotent."""
        raise NotImplementedError

    def __repr__(self) -> str:
        state = "" if self.is_active else ", removed"
        return f"<Fault {self.name}: {self.description}{state}>"

    def __enter__(self) -> "Fault":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


class VLanFault(Fault):
    """A fault of one VLAN."""

    def __init__(
        self,
        name: str,
        kind: str,
        description: str,
        counts: core.FaultCounts,
        end: Callable[["VLanFault"], None],
    ) -> None:
        """`end` ends it in the core; called again only after it has raised an error."""
        super().__init__(name, kind, description)
        self._counts = counts
        self._end = end
        self._lock = threading.Lock()
        self._is_active = True

    @property
    def is_active(self) -> bool:
        return self._is_active

    def counters(self) -> dict[str, int]:
        return self._counts.named()

    def remove(self) -> None:
        with self._lock:
            if self._is_active:
                self._end(self)
                self._is_active = False


class FaultGroup(Fault):
    """The same fault on several VLANs."""

    def __init__(self, name: str, kind: str, description: str, faults: Sequence[Fault]) -> None:
        super().__init__(name, kind, description)
        self._faults = faults

    @property
    def is_active(self) -> bool:
        return any(each.is_active for each in self._faults)

    def counters(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for fault in self._faults:
            for name, number in fault.counters().items():
                total[name] = total.get(name, 0) + number
        return total

    def remove(self) -> None:
        for fault in self._faults:
            fault.remove()
