"""The links of a fault, from the machines that a script names."""

from collections.abc import Collection, Sequence
from random import Random
from typing import Protocol

Pair = tuple[str, str]
"""A link: the names of the machine that sends, and of the one that receives; "" is any other."""


class Named(Protocol):
    """A machine."""

    name: str


Group = Named | str | Collection["Named | str"]
"""A machine, the name of a plug of the VLAN, or several of them."""


def name_of(station: object) -> str:
    """Raises TypeError unless it is a machine or a name."""
    name = station if isinstance(station, str) else getattr(station, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"takes machines, names of plugs, or lists of them, not {station!r}")
    return name


def names_of(group: object) -> list[str]:
    """The names of all that are in the group. Raises TypeError, ValueError if it is empty."""
    if not isinstance(group, (list, tuple, set, frozenset)):
        return [name_of(group)]
    names = sorted({name_of(each) for each in group})
    if not names:
        raise ValueError("has a group without machines")
    return names


def links_between(groups: Sequence[Group], one_way: bool) -> list[Pair]:
    """The links between machines of different groups; from earlier to later ones if `one_way`.

    One group stands for its links with all others, no group for all links. Raises TypeError,
    ValueError.
    """
    named = [names_of(group) for group in groups]
    if not named:
        if one_way:
            raise ValueError("has a direction (one_way) only with machines")
        return [("", "")]
    if len(named) == 1:
        return [pair for name in named[0] for pair in links_of(name, one_way)]
    check_disjoint(named)
    return [
        (one, other)
        for place, group in enumerate(named)
        for second, others in enumerate(named)
        if place != second and not (one_way and place > second)
        for one in group
        for other in others
    ]


def links_of(name: str, one_way: bool) -> list[Pair]:
    """The links of one machine; only what it sends if `one_way`."""
    return [(name, "")] if one_way else [(name, ""), ("", name)]


def check_disjoint(groups: Sequence[Sequence[str]]) -> None:
    """Raises ValueError, which names a machine that is in two groups."""
    seen: set[str] = set()
    for group in groups:
        for name in group:
            if name in seen:
                raise ValueError(f"has {name} in two groups")
            seen.add(name)


def halves(machines: Group, random: Random) -> list[list[str]]:
    """Two random groups; with an odd number, the first one is larger. Raises ValueError."""
    names = names_of(machines)
    if len(names) < 2:
        raise ValueError(f"takes two machines or more, not {', '.join(names)}")
    random.shuffle(names)
    middle = (len(names) + 1) // 2
    return [names[:middle], names[middle:]]


def ring_cuts(machines: Group, random: Random) -> list[Pair]:
    """The links that are cut so that each machine reaches a majority, and no two the same one.

    The machines are a ring in random order, and each reaches its nearest ones. Raises ValueError for
    fewer than four.
    """
    names = names_of(machines)
    if len(names) < 4:
        raise ValueError(f"takes four machines or more, not {', '.join(names)}")
    random.shuffle(names)
    size = len(names)
    reach = (size // 2 + 1) // 2
    return [
        (one, other)
        for place, one in enumerate(names)
        for second, other in enumerate(names)
        if min((place - second) % size, (second - place) % size) > reach
    ]


def text_of(groups: Sequence[Group], one_way: bool) -> str:
    """The links of links_between() for the log, as "a, b <-> c"."""
    arrow = " -> " if one_way else " <-> "
    texts = [", ".join(names_of(group)) for group in groups]
    if not texts:
        return "all links"
    return arrow.join(texts if len(texts) > 1 else [*texts, "all others"])
