"""Checkpoints: the cost of recording a run, and how soon a changed script has its result.

The baselines are cold runs of the same script in the same run of the bench. A resumed run is one of a
script whose last subtest was changed.
"""

import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from charioteer.testing.checkpoints.record import Checkpoint
from charioteer.testing.checkpoints.store import records

import guest
from figures import Figure

_EXAMPLES = guest.HERE.parent.parent / "examples"
_ROUNDS = 3
_MEGABYTE = 1_000_000

_FOUR = "".join(f'[machines.node{number}]\nguest = "debian"\nvlans = [1]\n' for number in range(4))
_FOUR_SCRIPT = """\
start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
with subtest("ready"):
    pass
print("answered", all_machines.succeed("hostname"))
"""


@dataclass(frozen=True)
class _Run:
    seconds: float
    processor_seconds: float  # of the driver and its guests
    log: str

    def number(self, pattern: str) -> float:
        """The number that the group of `pattern` matches in the log."""
        found = re.search(pattern, self.log)
        if found is None:
            raise RuntimeError(f"the log has no {pattern}:\n{self.log}")
        return float(found[1])


class _Test:
    """A copy of a cluster, with recorded runs of its own."""

    def __init__(self, program: Path, folder: Path, source: Path) -> None:
        self._program = program
        self._folder = folder / source.name
        shutil.copytree(source, self._folder)
        os.environ["CHARIOTEER_CHECKPOINTS"] = str(folder / "store")

    def run(self, *options: str) -> _Run:
        used = _processor_seconds()
        begin = time.monotonic()
        done = subprocess.run(
            [self._program, "run", self._folder, "-o", self._folder.parent, *options],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - begin
        if done.returncode != 0:
            raise RuntimeError(f"{self._folder.name} has failed:\n{done.stderr}")
        log = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
        return _Run(seconds, _processor_seconds() - used, log)

    def change_after(self, line: str) -> None:
        """Adds a command after `line` of the script, the first of its last subtest."""
        script = self._folder / "test.py"
        text = script.read_text()
        if text.count(line) != 1:
            raise RuntimeError(f"{script} has not exactly one line {line}")
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        script.write_text(text.replace(line, f"{line}\n{indent}primer.succeed('true')"))


def _processor_seconds() -> float:
    """Of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(build: Path) -> Iterable[Figure]:
    """All figures but that of the cluster with Headscale."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield from _four_machines(build / "bin/charioteer", Path(name))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        test = _Test(build / "bin/charioteer", Path(name), _EXAMPLES / "ping")
        yield _resumed(
            "resume_ping", test, 'with subtest("every machine reaches every other by name"):'
        )


def measure_headscale(build: Path) -> Iterable[Figure]:
    """The cluster with Headscale; builds programs from Go modules when they are missing."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        test = _Test(build / "bin/charioteer", Path(name), _EXAMPLES / "cluster-headscale")
        line = '    with phase("workers serve each other over the mesh"):'
        yield _resumed("resume_headscale", test, line)


def _resumed(name: str, test: _Test, line: str) -> Figure:
    cold = test.run("--checkpoint").seconds
    test.change_after(line)
    resumed = statistics.median(test.run("--resume").seconds for _ in range(_ROUNDS))
    return Figure(name, resumed, cold, "s")


def _four_machines(program: Path, folder: Path) -> Iterable[Figure]:
    source = folder / "source/four"
    source.mkdir(parents=True)
    (source / "cluster.toml").write_text(_FOUR)
    (source / "test.py").write_text(_FOUR_SCRIPT)
    test = _Test(program, folder, source)
    cold, recorded = [], []
    for _ in range(_ROUNDS):
        cold.append(test.run())
        recorded.append(test.run("--checkpoint"))
    resumed = [test.run("--resume") for _ in range(_ROUNDS)]
    # Four boots on two processors take longer or shorter by a third, which hides the cost.
    used, baseline = (
        statistics.median(each.processor_seconds for each in runs) for runs in (recorded, cold)
    )
    yield Figure("checkpoint_recording", used, baseline, "s")
    boot = statistics.median(each.seconds for each in cold)
    stopped = statistics.median(
        each.number(r"the machines were stopped for ([\d.]+)s") for each in recorded
    )
    yield Figure("checkpoint_save_four", stopped, boot, "s")
    restored = statistics.median(
        each.number(r"restoring the machines took ([\d.]+)s") for each in resumed
    )
    yield Figure("checkpoint_restore_four", restored, boot, "s")
    total = statistics.median(each.seconds for each in resumed)
    yield Figure("checkpoint_answer_four", total, boot, "s")
    yield _size(records()[0].checkpoints()[0])


def _size(checkpoint: Checkpoint) -> Figure:
    """What it occupies, against the memory and disks that the guests see."""
    seen = sum(checkpoint.sizes.values())
    return Figure("checkpoint_size", checkpoint.occupied() / _MEGABYTE, seen / _MEGABYTE, "MB")
