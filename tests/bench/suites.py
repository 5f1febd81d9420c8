"""Suites: `charioteer test` against the same tests run by `charioteer run` one after the other."""

import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from figures import Figure

_TESTS = 12
_CLUSTER = '[machines.node]\nguest = "minimal"\n'
_SMALL = """\
start_all()
for number in range(20):
    node.succeed(f"echo {number} >> /tmp/numbers")
assert node.succeed("wc -l < /tmp/numbers") == "20\\n"
"""
_EMPTY = 'print("no machine is started")\n'


class _Tests:
    """Copies of one test, with a history of their own."""

    def __init__(self, program: Path, folder: Path, script: str) -> None:
        self._program = program
        self._folder = folder
        self._tests = [folder / f"test-{number:02}" for number in range(_TESTS)]
        for test in self._tests:
            test.mkdir(parents=True)
            (test / "cluster.toml").write_text(_CLUSTER)
            (test / "test.py").write_text(script)

    def one_by_one(self) -> float:
        """The seconds of all tests, each started when the one before has ended."""
        begin = time.monotonic()
        for test in self._tests:
            self._run("run", test, "-o", self._folder / "out" / test.name)
        return time.monotonic() - begin

    def suite(self, *options: str) -> float:
        """The seconds of `charioteer test`."""
        history = self._folder / "history.sqlite"
        begin = time.monotonic()
        output = self._folder / "suite"
        self._run("test", *self._tests, "-o", output, "--history", history, *options)
        return time.monotonic() - begin

    def _run(self, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._program, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{arguments[0]} has failed:\n{done.stdout}{done.stderr}")


def measure(build: Path) -> Iterable[Figure]:
    program = build / "bin/charioteer"
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        tests = _Tests(program, Path(name), _SMALL)
        # Fills the history, by which the next suite knows what the tests take.
        tests.suite()
        baseline = tests.one_by_one()
        yield Figure("suite_of_12", tests.suite(), baseline, "s")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        tests = _Tests(program, Path(name), _EMPTY)
        baseline = tests.one_by_one()
        one_at_once = tests.suite("--jobs", "1")
        yield Figure("suite_overhead", one_at_once / _TESTS, baseline / _TESTS, "s")
