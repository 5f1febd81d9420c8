"""Shards of a suite: the partition, and the variables of batch systems."""

import random
from pathlib import Path

import pytest

from charioteer.errors import InputError
from charioteer.suite import shard
from charioteer.suite.shard import Shard

SLURM = {
    "SLURM_ARRAY_TASK_ID": "6",
    "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_MIN": "2",
    "SLURM_ARRAY_TASK_STEP": "2",
}
BAZEL = {"TEST_SHARD_INDEX": "0", "TEST_TOTAL_SHARDS": "3"}
KUBERNETES = {"JOB_COMPLETION_INDEX": "3"}


def random_tests(seed: int) -> dict[str, float | None]:
    source = random.Random(seed)
    return {
        f"tests/t{number}": source.choice([None, source.uniform(1, 100)])
        for number in range(source.randrange(0, 60))
    }


@pytest.mark.parametrize("seed", range(50))
def test_every_test_is_in_one_part(seed: int) -> None:
    tests = random_tests(seed)
    parts = shard.partition(tests, seed % 7 + 1)
    assert sorted(name for part in parts for name in part) == sorted(tests)
    assert len(parts) == seed % 7 + 1


@pytest.mark.parametrize("seed", range(50))
def test_the_partition_does_not_depend_on_the_order(seed: int) -> None:
    tests = random_tests(seed)
    names = list(tests)
    random.Random(seed + 1).shuffle(names)
    parts = shard.partition(tests, 4)
    assert shard.partition({name: tests[name] for name in names}, 4) == parts


@pytest.mark.parametrize("seed", range(50))
def test_no_part_is_longer_than_an_equal_share_and_one_test(seed: int) -> None:
    source = random.Random(seed)
    tests: dict[str, float | None] = {str(n): source.uniform(1, 100) for n in range(30)}
    lengths = {name: value for name, value in tests.items() if value is not None}
    for part in shard.partition(tests, 4):
        assert sum(lengths[name] for name in part) <= sum(lengths.values()) / 4 + max(
            lengths.values()
        )


def test_tests_without_durations_are_divided_into_parts_of_equal_number() -> None:
    parts = shard.partition({f"t{number}": None for number in range(10)}, 3)
    assert sorted(len(part) for part in parts) == [3, 3, 4]


def test_the_digest_differs_for_other_tests_and_durations() -> None:
    tests: dict[str, float | None] = {"a": 1, "b": 2, "c": 3}
    variants: list[dict[str, float | None]] = [tests, tests | {"d": 1}, tests | {"a": 9}, {**tests}]
    digests = {shard.digest(shard.partition(each, 2)) for each in variants}
    assert len(digests) == 3


@pytest.mark.parametrize(
    "text, environment, expected",
    [
        ("1/4", {}, Shard(1, 4)),
        ("4/4", SLURM, Shard(4, 4)),
        ("auto", SLURM, Shard(3, 4)),
        ("auto/4", SLURM, Shard(3, 4)),
        ("auto", BAZEL, Shard(1, 3)),
        ("auto", {**SLURM, **BAZEL}, Shard(1, 3)),
        ("auto/5", KUBERNETES, Shard(4, 5)),
    ],
)
def test_the_shard_of_this_host(text: str, environment: dict[str, str], expected: Shard) -> None:
    assert shard.parse(text, environment) == expected


@pytest.mark.parametrize(
    "text, environment, named",
    [
        ("0/4", {}, "0/4: shards are counted from 1 to 4"),
        ("5/4", {}, "counted from 1 to 4"),
        ("1", {}, "expected I/N"),
        ("-1/4", {}, "expected I/N"),
        ("one/4", {}, "expected I/N"),
        ("auto", {}, "expected one of the variables"),
        ("auto", KUBERNETES, "use auto/N"),
        ("auto/3", KUBERNETES, "shard 4 of 3"),
        ("auto/5", SLURM, "of 4 shards"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_ID": "7"}, "gaps"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_ID": "20"}, "gaps"),
        ("auto", {**BAZEL, "TEST_SHARD_INDEX": "x"}, "TEST_SHARD_INDEX is 'x'"),
        ("auto", {"TEST_TOTAL_SHARDS": "3"}, "TEST_SHARD_INDEX is ''"),
    ],
)
def test_an_invalid_shard_is_named(text: str, environment: dict[str, str], named: str) -> None:
    with pytest.raises(InputError, match=named):
        shard.parse(text, environment)


def test_bazel_sees_that_shards_are_known(tmp_path: Path) -> None:
    shard.acknowledge({})
    shard.acknowledge({"TEST_SHARD_STATUS_FILE": str(tmp_path / "status")})
    assert (tmp_path / "status").exists()
