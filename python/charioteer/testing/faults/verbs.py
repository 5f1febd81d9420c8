"""The verbs by which scripts start faults, on a VLAN and on a machine."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from charioteer.testing.duration import Duration
from charioteer.testing.faults import settings
from charioteer.testing.faults.fault import Fault
from charioteer.testing.faults.groups import (
    Group,
    Pair,
    halves,
    links_between,
    links_of,
    names_of,
    ring_cuts,
    text_of,
)

T = TypeVar("T")

_RANDOM = frozenset(
    ["slow", "flaky", "duplicate", "reorder", "corrupt", "partition_halves", "partition_ring"]
)


@dataclass(frozen=True)
class Request:
    """A fault that a script asks for."""

    verb: str
    """By which the script asks for it."""
    kind: str
    """What the core does, as in core.VLan.add_fault."""
    links: Callable[[Random], list[Pair]]
    """Its links; the random numbers are of the fault."""
    description: str
    values: Mapping[str, float] = field(default_factory=dict)
    """The settings of the core."""
    match: str | None = None
    name: str | None = None

    @property
    def is_random(self) -> bool:
        """Whether what it does depends on the seed."""
        return self.verb in _RANDOM


class Faults(ABC):
    """Starts faults. All verbs return when the fault is in force.

    Machines are given as objects, programs of the host by the names in `vlan.plugs()`. A list of
    machines is a group. Without machines a verb applies to all links, with one machine or group to its
    links with all others, and with several to the links between them: in both directions, or only
    from earlier to later ones with `one_way`.

    `match` is a capture filter as of tcpdump, such as "udp port 41641": other frames are not touched.
    `name` is "VERB-NUMBER" by default. Wrong arguments raise TypeError or ValueError with one line
    that names the verb and the argument.
    """

    @abstractmethod
    def _start(self, request: Request) -> Fault:
        """Starts the fault. Raises ValueError, MachineError."""

    @abstractmethod
    def _groups(self, machines: Sequence[Group]) -> Sequence[Group]:
        """The groups that the arguments of a verb stand for."""

    @property
    @abstractmethod
    def _owner(self) -> str:
        """What the verbs are called on, for messages."""

    @property
    @abstractmethod
    def faults(self) -> list[Fault]:
        """The faults in force that were started here, oldest first."""

    # Cut links

    def drop(
        self,
        *machines: Group,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Loses every frame."""
        return self._between("drop", "cut", machines, one_way, "", {}, match, name)

    def heal(self) -> None:
        """Removes all cuts: of `drop`, `isolate` and the partitions."""
        self._remove("cut")

    # Bad links

    def slow(
        self,
        *machines: Group,
        delay: Duration = 0.05,
        jitter: Duration = 0.01,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Delivers frames later, by `delay` give or take a random part of `jitter`, in order."""
        values = {
            "delay": self._checked("slow", "delay", settings.duration, delay),
            "jitter": self._checked("slow", "jitter", settings.duration, jitter),
        }
        text = f"{values['delay'] * 1000:g} ms ± {values['jitter'] * 1000:g} ms"
        return self._between("slow", "slow", machines, one_way, text, values, match, name)

    def flaky(
        self,
        *machines: Group,
        loss: float = 0.2,
        correlation: float = 0.75,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Loses frames with the probability `loss`, in groups.

        `correlation` is that of the fates of two successive frames, below 1; 0: each is independent.
        """
        values = {
            "probability": self._checked("flaky", "loss", settings.probability, loss),
            "correlation": self._checked("flaky", "correlation", settings.correlation, correlation),
        }
        text = f"{loss:.4g} lost, correlation {correlation:.4g}"
        return self._between("flaky", "lose", machines, one_way, text, values, match, name)

    def duplicate(
        self,
        *machines: Group,
        probability: float = 0.1,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Delivers frames twice with this probability."""
        values = self._probability("duplicate", probability)
        text = f"{probability:.4g} twice"
        return self._between("duplicate", "duplicate", machines, one_way, text, values, match, name)

    def reorder(
        self,
        *machines: Group,
        probability: float = 0.25,
        delay: Duration = 0.01,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Delivers frames later by `delay` with this probability, so that others overtake them."""
        values = {
            **self._probability("reorder", probability),
            "delay": self._checked("reorder", "delay", settings.duration, delay),
        }
        text = f"{probability:.4g} later by {values['delay'] * 1000:g} ms"
        return self._between("reorder", "reorder", machines, one_way, text, values, match, name)

    def corrupt(
        self,
        *machines: Group,
        probability: float = 0.01,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Inverts a random bit after the Ethernet header of frames, with this probability."""
        values = self._probability("corrupt", probability)
        text = f"{probability:.4g} with a wrong bit"
        return self._between("corrupt", "corrupt", machines, one_way, text, values, match, name)

    def rate(
        self,
        speed: str | float,
        *machines: Group,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Limits each link, and each direction of it, to `speed`.

        That is text such as "1mbit", or bits per second. At most 200 ms of frames wait, or 16 KiB if
        those take longer; further ones are lost.
        """
        values = {"rate": self._checked("rate", "speed", settings.speed, speed)}
        text = f"{values['rate']:g} bit/s"
        return self._between("rate", "rate", machines, one_way, text, values, match, name)

    # Held frames

    def hold(
        self,
        *machines: Group,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Keeps frames until `release`, at most 4 MiB for each direction of a link."""
        return self._between("hold", "hold", machines, one_way, "", {}, match, name)

    def release(self) -> None:
        """Removes all faults of `hold`, which delivers what they have kept."""
        self._remove("hold")

    def fast(self) -> None:
        """Removes all faults."""
        for fault in self.faults:
            fault.remove()

    # For subclasses

    def _between(
        self,
        verb: str,
        kind: str,
        machines: Sequence[Group],
        one_way: bool,
        text: str,
        values: Mapping[str, float],
        match: str | None,
        name: str | None,
    ) -> Fault:
        def links() -> list[Pair]:
            return links_between(self._groups(machines), one_way)

        pairs = self._named(verb, links)
        where = text_of(self._groups(machines), one_way)
        description = f"{where}: {text}" if text else where
        return self._start(
            Request(verb, kind, lambda _random: pairs, description, values, match, name)
        )

    def _remove(self, kind: str) -> None:
        for fault in self.faults:
            if fault.kind == kind:
                fault.remove()

    def _probability(self, verb: str, value: float) -> dict[str, float]:
        return {
            "probability": self._checked(verb, "probability", settings.probability, value),
        }

    def _checked(
        self, verb: str, argument: str, convert: Callable[[object], float], value: object
    ) -> float:
        try:
            return convert(value)
        except ValueError as error:
            raise ValueError(
                f"{self._owner}.{verb}: argument '{argument}' takes {error}, not {value!r}"
            ) from None

    def _named(self, verb: str, make: Callable[[], T]) -> T:
        """Calls `make`, and adds the verb to its TypeError and ValueError."""
        try:
            return make()
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._owner}.{verb} {error}") from None


class Partitions(Faults):
    """The verbs that divide the machines of a VLAN."""

    def partition(
        self,
        *groups: Group,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Cuts all links between machines of different groups; others are not touched.

        With `one_way`, frames of earlier groups to later ones are lost, and the others are not.
        """
        if len(groups) < 2:
            raise ValueError(f"{self._owner}.partition takes two groups or more")
        return self._between("partition", "cut", groups, one_way, "", {}, match, name)

    def isolate(
        self,
        *machines: Group,
        one_way: bool = False,
        match: str | None = None,
        name: str | None = None,
    ) -> Fault:
        """Cuts off each of the machines from all others; with `one_way`, only what it sends."""

        def names() -> list[str]:
            found = [each for group in machines for each in names_of(group)]
            if not found:
                raise ValueError("takes machines")
            return found

        cut_off = self._named("isolate", names)
        links = [pair for each in cut_off for pair in links_of(each, one_way)]
        description = text_of([cut_off], one_way)
        return self._start(
            Request("isolate", "cut", lambda _random: links, description, {}, match, name)
        )

    def partition_halves(
        self, machines: Group, *, match: str | None = None, name: str | None = None
    ) -> Fault:
        """Divides the machines into two random halves; with an odd number one is larger."""
        self._named("partition_halves", lambda: halves(machines, Random(0)))
        return self._divide(
            "partition_halves",
            lambda random: links_between(halves(machines, random), False),
            machines,
            match,
            name,
        )

    def partition_ring(
        self, machines: Group, *, match: str | None = None, name: str | None = None
    ) -> Fault:
        """Lets each machine reach a majority, no two the same one.

        The machines are a ring in random order, in which each reaches its nearest ones only. Takes
        four machines or more.
        """
        self._named("partition_ring", lambda: ring_cuts(machines, Random(0)))
        return self._divide(
            "partition_ring", lambda random: ring_cuts(machines, random), machines, match, name
        )

    def _divide(
        self,
        verb: str,
        links: Callable[[Random], list[Pair]],
        machines: Group,
        match: str | None,
        name: str | None,
    ) -> Fault:
        description = ", ".join(names_of(machines))
        return self._start(Request(verb, "cut", links, description, {}, match, name))
