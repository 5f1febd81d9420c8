"""The time and processor time of commands and copies, on an idle host and beside busy processes.

Against the protocol of the NixOS test driver: two round trips on the root shell for a command, the
shared folder (9p) for files. Both sides use the same guest, in turns, and count processor time beside
the clock's: on a host that others use too, only the ratios mean something.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from charioteer import _core

import guest
from figures import Figure, compare

_ROUNDS = 5
_COMMANDS = 50
_SIZE = 50_000_000
_BUSY_FOR_EACH_PROCESSOR = 3
# The limit for the growth of the driver's memory during a copy, in MB.
_GROWTH_LIMIT = 16.0
_MOUNT = "/tmp/shared"
_IN_GUEST = "/root/copied"


@dataclass(frozen=True)
class Cost:
    """In seconds: wall-clock time, processor time of QEMU, and processor time of the driver."""

    wall: float
    qemu: float
    driver: float


@dataclass(frozen=True)
class Task:
    """An action of Charioteer and that of the baseline."""

    name: str
    ours: Callable[[], object]
    baseline: Callable[[], object]


def measure() -> Iterable[Figure]:
    """All tasks, on an idle host and then beside busy processes."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (share := folder / "share").mkdir()
        (folder / "source").write_bytes(os.urandom(_SIZE))
        options = f"-virtfs local,path={share},security_model=none,mount_tag=shared"
        with guest.running("desktop", QEMU_OPTS=options) as machine:
            mount = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=16384"
            machine.execute(f"mkdir -p {_MOUNT}; {mount} shared {_MOUNT}")
            machine.wait_for_unit("multi-user.target")
            tasks = _tasks(machine, folder, share)
            yield from _compared(machine, tasks, "quiet")
            with busy_processes():
                yield from _compared(machine, tasks, "busy")
            yield from _growth(tasks)


def _tasks(machine: _core.Machine, folder: Path, share: Path) -> list[Task]:
    source, target = folder / "source", folder / "target"

    def commands() -> None:
        for _ in range(_COMMANDS):
            machine.execute("true")

    def upstream_commands() -> None:
        _by_shell(machine, *["true"] * _COMMANDS)

    def into_share() -> None:
        shutil.copy(source, share / "file")
        _by_shell(machine, "mkdir -p /root", f"cp -r {_MOUNT}/file {_IN_GUEST}")

    def out_of_share() -> None:
        _by_shell(machine, f"mkdir -p {_MOUNT}", f"cp -r {_IN_GUEST} {_MOUNT}/file")
        shutil.copy(share / "file", target)

    return [
        Task(f"{_COMMANDS}_true", commands, upstream_commands),
        Task("50mb_in", lambda: machine.copy_in(str(source), _IN_GUEST), into_share),
        Task("50mb_out", lambda: machine.copy_out(_IN_GUEST, str(target)), out_of_share),
    ]


def _by_shell(machine: _core.Machine, *commands: str) -> None:
    with guest.upstream_shell(machine) as shell:
        for command in commands:
            status, output = shell.execute(command)
            if status != 0:
                raise RuntimeError(f"`{command}` ended with status {status}: {output}")


def _compared(machine: _core.Machine, tasks: list[Task], load: str) -> Iterator[Figure]:
    for task in tasks:
        turns = [(_cost(machine, task.ours), _cost(machine, task.baseline)) for _ in range(_ROUNDS)]
        for part in ("wall", "qemu", "driver"):
            ours = [getattr(mine, part) for mine, _ in turns]
            baseline = [getattr(other, part) for _, other in turns]
            yield compare(f"load_{task.name}_{load}_{part}", ours, baseline, "s")


def _cost(machine: _core.Machine, action: Callable[[], object]) -> Cost:
    before = _clocks(machine)
    action()
    return Cost(*(after - begin for begin, after in zip(before, _clocks(machine))))


def _clocks(machine: _core.Machine) -> tuple[float, float, float]:
    if machine.pid is None:
        raise RuntimeError("QEMU does not run")
    # Linux's number for the processor time of another process.
    qemu = (~machine.pid << 3) | 2
    return time.perf_counter(), time.clock_gettime(qemu), time.process_time()


@contextmanager
def busy_processes() -> Iterator[None]:
    """Runs computing processes in a separate session, like another build on the host."""
    count = _BUSY_FOR_EACH_PROCESSOR * len(os.sched_getaffinity(0))
    loops = f"for _ in $(seq {count}); do while :; do :; done & done; wait"
    with subprocess.Popen(["sh", "-c", loops], start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _growth(tasks: list[Task]) -> Iterator[Figure]:
    """The growth of the driver's maximum resident set size during copies."""
    for task in tasks:
        if task.name.startswith("50mb"):
            # Resets the maximum size that Linux records.
            Path("/proc/self/clear_refs").write_text("5")
            before = _peak()
            task.ours()
            yield Figure(f"load_{task.name}_memory", _peak() - before, _GROWTH_LIMIT, "MB")


def _peak() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc has no maximum resident set size")
