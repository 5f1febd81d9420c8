"""The faults of one machine, on all VLANs of the run."""

from collections.abc import Sequence
from dataclasses import replace

from charioteer.testing.faults.fault import Fault, FaultGroup
from charioteer.testing.faults.groups import Group, links_of, names_of
from charioteer.testing.faults.verbs import Faults, Request
from charioteer.testing.vlan import VLan


class MachineNetwork(Faults):
    """`machine.network`: the verbs apply to the links of this machine, on all VLANs.

    With arguments they apply to its links with these machines only. `one_way`: only what it sends.
    """

    def __init__(self, machine: str, vlans: Sequence[VLan] = ()) -> None:
        """`vlans`: of the run; it may still grow."""
        self._machine = machine
        self._vlans = vlans
        self._faults: list[Fault] = []
        self._number = 0

    @property
    def _owner(self) -> str:
        return f"{self._machine}.network"

    @property
    def faults(self) -> list[Fault]:
        return [each for each in self._faults if each.is_active]

    def isolate(
        self, *, one_way: bool = False, match: str | None = None, name: str | None = None
    ) -> Fault:
        """Cuts off the machine from all others; with `one_way`, only what it sends."""
        links = links_of(self._machine, one_way)
        description = f"{self._machine} {'->' if one_way else '<->'} all others"
        return self._start(
            Request("isolate", "cut", lambda _random: links, description, {}, match, name)
        )

    def _groups(self, machines: Sequence[Group]) -> Sequence[Group]:
        if not machines:
            return [self._machine]
        return [self._machine, [each for group in machines for each in names_of(group)]]

    def _start(self, request: Request) -> Fault:
        if not self._vlans:
            raise ValueError(f"{self._owner}.{request.verb}: the run has no VLAN")
        self._number += 1
        name = request.name or f"{self._machine}.{request.verb}-{self._number}"
        started: list[Fault] = []
        try:
            for vlan in self._vlans:
                started.append(vlan.start_fault(replace(request, name=name)))
        except BaseException:
            for each in started:
                each.remove()
            raise
        fault = FaultGroup(name, request.kind, request.description, started)
        self._faults = [*self.faults, fault]  # without those that have ended
        return fault
