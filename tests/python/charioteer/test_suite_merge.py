"""Merged results of shards equal those of one run, and what is missing is named."""

import random
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from charioteer.errors import InputError
from charioteer.suite import junit, results, shard
from charioteer.suite.demand import Demand, Measured
from charioteer.suite.history import Estimate, History
from charioteer.suite.merge import merge, record
from charioteer.suite.outcome import Outcome, combined
from charioteer.suite.results import Attempt, ShardOf, SuiteResult, TestResult

from support.unreadable import refuse_reading

BEGIN = "2027-01-01T10:00:00+00:00"


def random_test(name: str, source: random.Random) -> TestResult:
    outcomes = [source.choice([Outcome.FAILED, Outcome.INFRASTRUCTURE])] * source.randrange(3)
    outcomes.append(source.choice([Outcome.PASSED, Outcome.FAILED]))
    attempts = [Attempt(each, str(each), source.uniform(1, 9)) for each in outcomes]
    return TestResult(name, 1, combined(outcomes), attempts, 500, 1)


def write_shards(folder: Path, tests: list[TestResult], count: int) -> list[Path]:
    """Writes the results of `count` shards of a suite with these tests; returns their folders."""
    parts = shard.partition({each.test: None for each in tests}, count)
    folders = []
    for index, names in enumerate(parts, 1):
        own = [each for each in tests if each.test in names]
        which = ShardOf(index, count, shard.digest(parts))
        folders.append(folder / f"shard-{index}")
        folders[-1].mkdir(parents=True)
        results.write(SuiteResult(BEGIN, 10.0 * index, own, shard=which), folders[-1])
    return folders


@pytest.mark.parametrize("seed", range(20))
def test_merged_results_equal_those_of_one_run(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    count = source.randrange(1, 6)
    names = sorted(f"t{number}" for number in range(source.randrange(0, 20)))
    tests = [random_test(name, source) for name in names]
    one = SuiteResult(BEGIN, 10.0 * count, tests)
    merged = merge(write_shards(tmp_path, tests, count), tmp_path / "merged")
    assert merged == one
    assert merged.status == one.status and junit.text_of(merged) == junit.text_of(one)


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """The folders of three shards, all of whose tests have passed."""
    passed = Attempt(Outcome.PASSED, "", 4.0, 300, 0.5, "tests/x", "tests/x/report.html")
    tests = [TestResult(f"t{n}", 1, Outcome.PASSED, [passed], 500, 1) for n in range(6)]
    return write_shards(tmp_path / "parts", tests, 3)


def test_links_lead_from_the_merged_results_to_those_of_the_shards(
    tmp_path: Path, shards: list[Path]
) -> None:
    merged = merge(shards, tmp_path / "deep/merged")
    folders = {each.attempts[0].output for each in merged.tests}
    assert folders == {f"../../parts/shard-{index}/tests/x" for index in (1, 2, 3)}
    assert merged.tests[0].attempts[0].report.endswith("tests/x/report.html")


def test_a_folder_of_result_folders_is_enough(tmp_path: Path, shards: list[Path]) -> None:
    merged = merge([tmp_path], tmp_path / "merged")
    assert merged == merge(shards, tmp_path / "merged") and len(merged.tests) == 6
    (tmp_path / "merged").mkdir()
    results.write(merged, tmp_path / "merged")
    assert merge([tmp_path], tmp_path / "merged") == merged


def test_files_of_tests_are_not_taken_for_results(tmp_path: Path, shards: list[Path]) -> None:
    run = shards[0] / "tests/x"
    run.mkdir(parents=True)
    (run / "results.json").write_text("of the test itself")
    assert len(merge([tmp_path], tmp_path / "merged").tests) == 6


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_reading(shards[1], monkeypatch)
    with pytest.raises(InputError, match="shard-2: Permission denied"):
        merge([tmp_path], tmp_path / "merged")


def test_a_missing_shard_is_a_problem(tmp_path: Path, shards: list[Path]) -> None:
    merged = merge([shards[0], shards[2], tmp_path / "nothing"], tmp_path)
    assert merged.problems == [
        f"{tmp_path}/nothing: there are no results",
        "shard 2 of 3 is missing",
    ]
    assert merged.status == 75
    root = ElementTree.fromstring(junit.text_of(merged).partition("\n")[2])
    assert root.attrib["errors"] == "2"


def test_an_interrupted_shard_is_a_problem(tmp_path: Path, shards: list[Path]) -> None:
    partial = replace(results.load(shards[1]), complete=False, not_run=["t9"])
    results.write(partial, shards[1])
    merged = merge(shards, tmp_path)
    (problem,) = merged.problems
    assert "shard-2" in problem and "interrupted or killed" in problem
    assert merged.not_run == ["t9"] and merged.status == 75


def test_shards_of_different_partitions_are_a_problem(tmp_path: Path, shards: list[Path]) -> None:
    other = replace(results.load(shards[1]), shard=ShardOf(2, 3, "other"))
    results.write(other, shards[1])
    problems = merge(shards, tmp_path).problems
    assert "in different ways" in problems[0] and "shard 2 of 3 is missing" in problems


def test_the_same_test_twice_is_an_error(tmp_path: Path, shards: list[Path]) -> None:
    results.write(results.load(shards[0]), tmp_path)
    with pytest.raises(InputError, match="merge each once"):
        merge([shards[0], tmp_path], tmp_path / "merged")


def test_nothing_to_merge_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing: there are no results"):
        merge([tmp_path / "nothing"], tmp_path)


def test_merged_runs_are_added_to_a_history(tmp_path: Path, shards: list[Path]) -> None:
    history = History(tmp_path / "history.sqlite")
    record(merge(shards, tmp_path / "merged"), history)
    assert history.estimate("t5", Demand(500, 1)) == Estimate(4.0, Measured(300, 0.5))
