"""Measures Charioteer against baselines taken in the same run, and prints the ratios.

The packages of the build to be measured must be on PYTHONPATH; `make bench` sees to that.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import agent
import checkpoints
import commands
import console
import diagnosis
import driver
import figures
import guest
import idle_faults
import load
import network
import report
import screen
import shutdown
import suites
import terminal
import traced_run
import tracing
from figures import Figure


def _commands(build: Path) -> Iterable[Figure]:
    with guest.running(channel="plain") as machine:
        yield commands.execute_true(machine)
        yield commands.wait_open_port(machine)
        yield commands.copy_in(machine)


def _agent(build: Path) -> Iterable[Figure]:
    return agent.measure()


def _load(build: Path) -> Iterable[Figure]:
    return load.measure()


def _shutdown(build: Path) -> Iterable[Figure]:
    return shutdown.measure()


def _bridge(build: Path) -> Iterable[Figure]:
    program = build / "tests/bench/bridge/bridge_bench"
    done = subprocess.run([program, "3"], stdout=subprocess.PIPE, check=True)
    for name, entry in json.loads(done.stdout).items():
        yield Figure(name, entry["ours"], entry["baseline"], entry["unit"])


def _faults(build: Path) -> Iterable[Figure]:
    done = subprocess.run(
        [build / "tests/bench/faults/fault_bench"], stdout=subprocess.PIPE, check=True
    )
    for name, entry in json.loads(done.stdout).items():
        yield Figure(name, entry["ours"], entry["baseline"], entry["unit"])
    if "BENCH_EARLIER_BUILD" in os.environ:
        yield from idle_faults.measure(build, Path(os.environ["BENCH_EARLIER_BUILD"]))


def _network(build: Path) -> Iterable[Figure]:
    return network.measure()


def _start(build: Path) -> Iterable[Figure]:
    yield driver.start_to_qemu(build / "bin/nixos-test-driver")


def _memory(build: Path) -> Iterable[Figure]:
    yield driver.memory_four_machines(build / "bin/nixos-test-driver")


def _console(build: Path) -> Iterable[Figure]:
    return console.console_50mb()


def _trace(build: Path) -> Iterable[Figure]:
    yield tracing.overhead()
    yield traced_run.overhead(build / "bin/nixos-test-driver")


def _report(build: Path) -> Iterable[Figure]:
    yield report.of_100k_events()


def _terminal(build: Path) -> Iterable[Figure]:
    yield terminal.overhead()


def _screen(build: Path) -> Iterable[Figure]:
    return screen.attempt()


_MEASURES: dict[str, Callable[[Path], Iterable[Figure]]] = {
    "commands": _commands,
    "agent": _agent,
    "load": _load,
    "shutdown": _shutdown,
    "bridge": _bridge,
    "faults": _faults,
    "network": _network,
    "start": _start,
    "memory": _memory,
    "console": _console,
    "screen": _screen,
    "trace": _trace,
    "report": _report,
    "diagnosis": diagnosis.measure,
    "terminal": _terminal,
    "checkpoints": checkpoints.measure,
    "suites": suites.measure,
    "slurm": suites.measure_slurm,
    "headscale": checkpoints.measure_headscale,
}


def _machine() -> str:
    """The processor and the system, in a line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    count = len(os.sched_getaffinity(0))
    return f"{model}, {count} processors, Linux {platform.release()}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures Charioteer against baselines.")
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="what to measure")
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(_MEASURES))
    arguments = parser.parse_args()
    if unknown := set(arguments.measures) - set(_MEASURES):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")

    print(f"{_machine()}\n{figures.heading()}", flush=True)
    found: dict[str, figures.Entry] = {}
    for name in arguments.measures or _MEASURES:
        for figure in _MEASURES[name](arguments.build.absolute()):
            found[figure.name] = figure.entry()
            print(figures.line(figure), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
