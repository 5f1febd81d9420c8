"""Which part of a suite this host runs. Every shard computes the same partition by itself."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from charioteer.errors import InputError

_ASSUMED = 1.0
"""Seconds of a test when no duration is known."""


@dataclass(frozen=True)
class Shard:
    """One of `count` parts; `index` is from 1."""

    index: int
    count: int


def parse(text: str, environment: Mapping[str, str]) -> Shard:
    """The shard that is given as `I/N`, `auto` or `auto/N`. Raises InputError.

    With `auto` it comes from the variables of Bazel, of a job array of Slurm, or of an indexed job of
    Kubernetes, whichever is there first. Kubernetes does not have the number.
    """
    match = re.fullmatch(r"(?a:(auto|\d+)(?:/(\d+))?)", text)
    if match is None or (match[1] != "auto" and match[2] is None):
        raise InputError(f"--shard {text}: expected I/N, as 1/4, or auto, or auto/N")
    given = int(match[2]) if match[2] else None
    if match[1] == "auto":
        index, count = _from_environment(environment, given)
    else:
        index, count = int(match[1]), given
    if count is None:
        raise InputError(f"--shard {text}: the number of shards is not known: use auto/N")
    if not 1 <= index <= count:
        known = f"shard {index} of {count}" if match[1] == "auto" else text
        raise InputError(f"--shard {known}: shards are counted from 1 to {count}")
    return Shard(index, count)


def acknowledge(environment: Mapping[str, str]) -> None:
    """Shows Bazel that this program knows shards, by the file that it asks for. Raises OSError."""
    if file := environment.get("TEST_SHARD_STATUS_FILE"):
        Path(file).touch()


def partition(seconds: Mapping[str, float | None], count: int) -> list[list[str]]:
    """Divides tests, given with their durations, into parts that take about the same time.

    It depends on nothing else, and not on the order. A test of unknown duration is taken to be as long
    as the median of the others.
    """
    known = sorted(each for each in seconds.values() if each is not None)
    usual = known[len(known) // 2] if known else _ASSUMED
    lengths = {name: usual if value is None else value for name, value in seconds.items()}
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    # Names of neighbours are similar, and so are their tests: the hash spreads them.
    for name in sorted(lengths, key=lambda each: (-lengths[each], _hash(each), each)):
        least = min(range(count), key=lambda number: (loads[number], len(parts[number])))
        parts[least].append(name)
        loads[least] += lengths[name]
    return [sorted(each) for each in parts]


def digest(parts: list[list[str]]) -> str:
    """Differs for different partitions."""
    return _hash(json.dumps(parts))[:16]


def _from_environment(environment: Mapping[str, str], given: int | None) -> tuple[int, int | None]:
    """Index from 1, and number. Raises InputError."""

    def number(name: str, default: int | None = None) -> int:
        text = environment.get(name, "" if default is None else str(default))
        if not (text.isascii() and text.isdecimal()):
            raise InputError(f"--shard auto: {name} is {text!r}, not a number")
        return int(text)

    count = given
    if "TEST_TOTAL_SHARDS" in environment:
        index, count = number("TEST_SHARD_INDEX"), number("TEST_TOTAL_SHARDS")
    elif "SLURM_ARRAY_TASK_ID" in environment:
        offset = number("SLURM_ARRAY_TASK_ID") - number("SLURM_ARRAY_TASK_MIN")
        index, rest = divmod(offset, max(number("SLURM_ARRAY_TASK_STEP", 1), 1))
        count = number("SLURM_ARRAY_TASK_COUNT")
        if rest or index >= count:
            raise InputError("--shard auto: the job array has gaps: use an array as 0-3")
    elif "JOB_COMPLETION_INDEX" in environment:
        index = number("JOB_COMPLETION_INDEX")
    else:
        raise InputError(
            "--shard auto: expected one of the variables TEST_TOTAL_SHARDS (Bazel),"
            " SLURM_ARRAY_TASK_ID (Slurm) and JOB_COMPLETION_INDEX (Kubernetes)"
        )
    if given is not None and given != count:
        raise InputError(f"--shard auto/{given}: the variables are of {count} shards")
    return index + 1, count


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
