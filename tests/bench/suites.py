"""Suites: `charioteer test`, and job arrays of Slurm, against the same tests run by `charioteer run` one
after the other.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from charioteer import paths

from figures import Figure
from support.slurm import Node, slurm, why_no_slurm

_TESTS = 12
_CLUSTER = '[machines.node]\nguest = "minimal"\n'
_SMALL = """\
start_all()
for number in range(20):
    node.succeed(f"echo {number} >> /tmp/numbers")
assert node.succeed("wc -l < /tmp/numbers") == "20\\n"
"""
_EMPTY = 'print("no machine is started")\n'
_SHARDS = 4


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

    def array(self, variables: Mapping[str, str]) -> float:
        """The seconds of a job array of Slurm, from its submission to the merged result.

        `variables` are those of Slurm's programs.
        """
        path = f"{self._program.parent}{os.pathsep}{variables['PATH']}"
        environment = {**os.environ, **variables, "PATH": path, "CPUS": "1", "MEMORY": "1G"}
        begin = time.monotonic()
        _check([paths.examples() / "ci/slurm.sh", str(_SHARDS), "."], self._folder, environment)
        return time.monotonic() - begin

    def _run(self, *arguments: str | Path) -> None:
        _check([self._program, *arguments], Path(), os.environ)


def _check(command: list[str | Path], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} has failed:\n{done.stdout}{done.stderr}")


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


def measure_slurm(build: Path) -> Iterable[Figure]:
    if reason := why_no_slurm():
        print(f"no figure of Slurm: {reason}", file=sys.stderr)
        return
    processors = len(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        slurm(Path(name) / "slurm", [Node("n1", processors, processors * 1024)]) as system,
    ):
        tests = _Tests(build / "bin/charioteer", Path(name) / "tests", _SMALL)
        # Fills the history, by which the shards are divided.
        tests.array(system.variables)
        baseline = tests.one_by_one()
        yield Figure("slurm_array_of_12", tests.array(system.variables), baseline, "s")
