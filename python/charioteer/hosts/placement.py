"""Which machine runs on which host, without I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from charioteer.errors import InputError
from charioteer.suite.demand import NONE, Demand


@dataclass(frozen=True)
class Wanted:
    """A machine to be placed: what it takes, and the host that it names; "": any."""

    name: str
    demand: Demand
    host: str = ""


def place(machines: Sequence[Wanted], capacities: Mapping[str, Demand]) -> dict[str, str]:
    """The host of each machine. Raises InputError, which names the machine and what there is.

    Memory is a limit; processors are shared, as machines on one host share them. The largest machines
    are placed first, each where the fullest of memory and processors is least full with it; the
    first host of several that are equal. The result depends on the arguments only.
    """
    used = {host: NONE for host in capacities}
    places: dict[str, str] = {}
    by_size = sorted(machines, key=lambda each: (not each.host, -each.demand.memory, each.name))
    for machine in by_size:
        hosts = [machine.host] if machine.host else list(capacities)
        if machine.host and machine.host not in capacities:
            known = ", ".join(capacities)
            raise InputError(
                f"{machine.name} is to run on the host {machine.host!r}; the hosts are {known}"
            )
        fitting = [
            host
            for host in hosts
            if used[host].memory + machine.demand.memory <= capacities[host].memory
        ]
        if not fitting:
            left = ", ".join(
                f"{host} has {max(capacities[host].memory - used[host].memory, 0)} MB left"
                for host in hosts
            )
            raise InputError(
                f"no host has room for {machine.name}, which takes {machine.demand.memory} MB: {left}"
            )
        best = min(
            fitting, key=lambda host: _fullness(used[host] + machine.demand, capacities[host])
        )
        used[best] += machine.demand
        places[machine.name] = best
    return {machine.name: places[machine.name] for machine in machines}


def _fullness(used: Demand, capacity: Demand) -> float:
    return max(used.memory / max(capacity.memory, 1), used.processors / max(capacity.processors, 1))
