"""The result file of a suite. docs/suites.md describes its fields."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from charioteer.errors import InputError
from charioteer.suite.outcome import Outcome
from charioteer.suite.quarantine import Quarantined
from charioteer.suite.reading import read

FILE_NAME = "results.json"
VERSION = 1
INFRASTRUCTURE_STATUS = 75
"""The exit status when tests have no result (EX_TEMPFAIL of sysexits.h)."""


@dataclass(frozen=True)
class Attempt:
    """One run of a test. `seconds`: how long it took; `memory`: MB at its peak.

    `processors`: used on average. Both are None if the run was too short. `output`: its folder,
    relative to that of the result file; `report`: its page, or empty. `cause`: the end of the log.
    """

    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    memory: int | None = None
    processors: float | None = None
    output: str = ""
    report: str = ""
    cause: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TestResult:
    """A test with all attempts; with `--repeat` there is one for each repetition, from 1."""

    # Pytest would take it for tests, because of its name.
    __test__ = False

    test: str
    repetition: int
    outcome: Outcome
    attempts: list[Attempt]
    declared_memory: int
    declared_processors: float
    quarantined: Quarantined | None = None

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.attempts)

    @property
    def counts(self) -> bool:
        """Whether a failure changes the exit status."""
        return self.quarantined is None


@dataclass(frozen=True)
class ShardOf:
    """The part of a suite that was run. `index` is from 1; `partition` is a digest of all parts."""

    index: int
    count: int
    partition: str


@dataclass(frozen=True)
class SuiteResult:
    """A suite. `begin`: in ISO 8601; `seconds`: elapsed; `complete`: False until its end.

    `not_run`: tests that were not started, since the suite has ended before. `problems`: one line
    for each reason for which results are missing. `host`: its name.
    """

    begin: str
    seconds: float
    tests: list[TestResult]
    not_run: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    complete: bool = True
    shard: ShardOf | None = None
    host: str = ""

    def of(self, outcome: Outcome, counting: bool = True) -> list[TestResult]:
        """The tests with this outcome; of failures only those that count, or that do not."""
        is_failure = outcome in (Outcome.FAILED, Outcome.INFRASTRUCTURE)
        found = [each for each in self.tests if each.outcome is outcome]
        return [each for each in found if not is_failure or each.counts is counting]

    @property
    def status(self) -> int:
        """The exit status: 1 if a test has failed, 75 if results are missing, else 0."""
        if self.of(Outcome.FAILED):
            return 1
        missing = self.of(Outcome.INFRASTRUCTURE) or self.problems or not self.complete
        return INFRASTRUCTURE_STATUS if missing else 0


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Within the block no other suite writes into `folder`. Raises InputError, OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{folder} is used by another suite: name another folder by -o"
            raise InputError(message) from None
        yield
    finally:
        os.close(descriptor)


def write(result: SuiteResult, folder: Path) -> Path:
    """Writes the result file into `folder`; it appears at once. Raises OSError."""
    content = {"version": VERSION, **asdict(result)}
    text = json.dumps(content, indent=1, default=str, ensure_ascii=True)
    return write_file(folder / FILE_NAME, text + "\n")


def write_file(file: Path, text: str) -> Path:
    """Writes a file that only its owner can read, as logs of guests may contain secrets.

    It appears at once. A device or pipe is written to. Raises OSError, which names the file.
    """
    if file.exists() and not file.is_file():
        with file.open("w", encoding="utf-8", errors="replace") as opened:
            opened.write(text)
        return file
    partial = file.with_name(f".{file.name}.part")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="replace") as opened:
            opened.write(text)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from error
    return file


def load(path: Path) -> SuiteResult:
    """Reads a result file, or that in a folder. Raises InputError."""
    file = path / FILE_NAME if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not a result file: {error}") from None
    version = content.pop("version", None) if isinstance(content, dict) else None
    if version != VERSION:
        raise InputError(f"{file}: expected a result file of version {VERSION}, got {version!r}")
    try:
        return _checked(read(SuiteResult, content))
    except ValueError as error:
        raise InputError(f"{file}: not a valid result file: {error}") from None


def _checked(result: SuiteResult) -> SuiteResult:
    """Returns `result`. Raises ValueError for invalid values that have the right type."""
    try:
        end = datetime.fromisoformat(result.begin) + timedelta(seconds=result.seconds)
        end.timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"begin: expected a time in ISO 8601, got {result.begin!r}") from None
    for number, test in enumerate(result.tests):
        if not test.attempts:
            raise ValueError(f"tests[{number}].attempts: expected one at least")
    return result
