"""One result from those of several suites, such as the shards of one."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from charioteer.errors import InputError, unreadable
from charioteer.suite import results
from charioteer.suite.demand import Demand, Measured
from charioteer.suite.history import History
from charioteer.suite.outcome import Outcome
from charioteer.suite.results import Attempt, SuiteResult, TestResult


@dataclass(frozen=True)
class _Part:
    file: Path
    result: SuiteResult


def merge(places: Sequence[Path], output: Path) -> SuiteResult:
    """The result of all suites whose result files are at `places`, or in folders below.

    Links of the result are relative to `output`. What is missing is among its problems: a place
    without results, a shard, tests of an interrupted suite. Raises InputError for invalid files, for
    results of one test in two files, and when there are no results.
    """
    problems = []
    parts: dict[Path, _Part] = {}
    for place in places:
        files = [each for each in _files(place) if each != (output / results.FILE_NAME).resolve()]
        if not files:
            problems.append(f"{place}: there are no results")
        parts.update((file, _Part(file, results.load(file))) for file in files)
    if not parts:
        raise InputError("\n".join(problems) or "there are no results")
    found = list(parts.values())
    all_results = [each.result for each in found]
    begin = min(each.begin for each in all_results)
    hosts = {each.host: None for each in all_results if each.host}
    return SuiteResult(
        begin=begin,
        seconds=max(_end(each) for each in all_results).timestamp() - _time(begin).timestamp(),
        tests=_tests(found, output),
        not_run=sorted(name for each in all_results for name in each.not_run),
        problems=[*problems, *(p for each in all_results for p in each.problems), *_missing(found)],
        complete=all(each.complete for each in all_results),
        host=", ".join(hosts),
    )


def record(result: SuiteResult, history: History) -> None:
    """Adds the runs that passed to a history. Raises InputError, OSError."""
    for test in result.tests:
        limit = Demand(test.declared_memory, test.declared_processors)
        for each in test.attempts:
            if each.outcome is Outcome.PASSED:
                full = each.memory is not None and each.processors is not None
                measured = Measured(each.memory or 0, each.processors or 0.0) if full else None
                history.record(test.test, limit, each.seconds, measured)


def _files(place: Path) -> list[Path]:
    """The result files at or below `place`. Raises InputError for a folder that cannot be read."""
    if not place.is_dir():
        return [place.resolve()] if place.exists() else []
    found = []
    for parent, folders, names in os.walk(place, onerror=unreadable):
        folders.sort()
        if results.FILE_NAME in names:
            found.append(Path(parent, results.FILE_NAME).resolve())
            # Below are the folders of the runs, where tests may write any file.
            folders.clear()
    return found


def _tests(parts: list[_Part], output: Path) -> list[TestResult]:
    """All tests, with their folders as they are seen from `output`."""
    seen: dict[tuple[str, int], Path] = {}
    tests = []
    for part in parts:
        for test in part.result.tests:
            key = (test.test, test.repetition)
            if key in seen:
                raise InputError(
                    f"{part.file}: {test.test} has results in {seen[key]}, too: merge each once"
                )
            seen[key] = part.file
            attempts = [_moved(each, part.file.parent, output) for each in test.attempts]
            tests.append(replace(test, attempts=attempts))
    return sorted(tests, key=lambda each: (each.test, each.repetition))


def _moved(attempt: Attempt, folder: Path, output: Path) -> Attempt:
    def seen(path: str) -> str:
        return os.path.relpath(folder / path, output.resolve()) if path else ""

    return replace(attempt, output=seen(attempt.output), report=seen(attempt.report))


def _missing(parts: list[_Part]) -> Iterator[str]:
    for part in parts:
        if not part.result.complete:
            yield f"{part.file}: the suite was interrupted or killed before its end"
    shards = {each.file: each.result.shard for each in parts if each.result.shard is not None}
    kinds = {(each.count, each.partition) for each in shards.values()}
    if len(kinds) > 1:
        yield (
            "the shards have divided the tests in different ways: start all of them with the same"
            " tests and the same history"
        )
    for count, kind in sorted(kinds):
        there = {each.index for each in shards.values() if each.partition == kind}
        for index in range(1, count + 1):
            if index not in there:
                yield f"shard {index} of {count} is missing"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _end(result: SuiteResult) -> datetime:
    return _time(result.begin) + timedelta(seconds=result.seconds)
