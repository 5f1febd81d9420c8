"""`examples/ci/slurm.sh` on a real Slurm of one node. QEMU is fake."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from charioteer import paths
from charioteer.suite import results, shard

from support.patience import until
from support.run import PROGRAMS
from support.slurm import Node, Slurm, slurm, why_no_slurm
from support.suites import FAILS, PASSES, Project

SHARDS = 5
TASK = 500
"""MB of a task. The node has memory for two, and processors for all."""


@pytest.fixture(name="system")
def fixture_system(folder: Path) -> Iterator[Slurm]:
    if reason := why_no_slurm():
        pytest.skip(reason)
    with slurm(folder / "slurm", [Node("n1", SHARDS, 2 * TASK + 100)]) as system:
        yield system


@pytest.fixture(name="project")
def fixture_project(folder: Path, system: Slurm) -> Iterator[Project]:
    project = Project(folder)
    own = project.environment
    path = os.pathsep.join([str(PROGRAMS), own["PATH"], system.variables["PATH"]])
    own.update(system.variables, PATH=path, CPUS="1", MEMORY=f"{TASK}M")
    yield project
    for log in sorted((project.folder / "charioteer-out").glob("*.log")):
        print(f"--- {log.name}\n{log.read_text()}")
    project.close()


def in_order_of_tasks() -> list[str]:
    """Names of tests, of which each task has one."""
    names = [f"test-{number}" for number in range(SHARDS)]
    parts = shard.partition({f"tests/{name}": None for name in names}, SHARDS)
    return [name.removeprefix("tests/") for (name,) in parts]


def counting(runs: Path) -> str:
    """A script that adds a line to the file `runs`."""
    return f"with open({str(runs)!r}, 'a') as file:\n    print(file=file)\n"


def killed(runs: Path, times: int) -> str:
    """A script whose driver is killed in so many runs, and which passes in the next."""
    script = f"if len(open({str(runs)!r}).read()) <= {times}:\n    os.kill(os.getpid(), 9)\n"
    return counting(runs) + script + PASSES


def held(began: Path, go_on: Path) -> str:
    """A script that ends when there is a file `go_on`."""
    return (
        PASSES + f"import time\nopen({str(began)!r}, 'w').close()\n"
        f"while not os.path.exists({str(go_on)!r}):\n    time.sleep(0.05)\n"
    )


@pytest.mark.limit(700)
def test_drained_nodes_and_requeued_tasks_do_not_change_the_verdict(
    project: Project, system: Slurm
) -> None:
    first, second, once, failing, hopeless = in_order_of_tasks()
    folder = project.base
    go_on, runs = folder / "go-on", {each: folder / each for each in (once, failing, hopeless)}
    for name in (first, second):
        project.test(name, held(folder / name, go_on))
    project.test(once, killed(runs[once], 1))
    project.test(failing, counting(runs[failing]) + FAILS)
    project.test(hopeless, killed(runs[hopeless], 1000))

    run = project.launch(paths.examples() / "ci/slurm.sh", str(SHARDS), "tests")
    until(lambda: (folder / first).exists() and (folder / second).exists(), 120, run.report)
    # Memory is what they wait for: there are enough processors.
    waiting = {f"{task} PENDING Resources" for task in (2, 3, 4)}
    form = "%K %T %r"
    until(lambda: waiting < set(system.jobs(form)), 60, lambda: str(system.jobs(form)))
    system.update_node("NodeName=n1", "State=DRAIN", "Reason=test")
    go_on.touch()
    until(lambda: system.nodes() == "drained 1", 60, system.nodes)
    assert {"2 PENDING", "3 PENDING", "4 PENDING"} < set(system.jobs("%K %T"))
    assert not any(each.exists() for each in runs.values())
    system.update_node("NodeName=n1", "State=RESUME")

    run.expect(1, limit=200)
    merged = results.load(project.folder / "charioteer-out/merged")
    found = {each.test.removeprefix("tests/"): str(each.outcome) for each in merged.tests}
    passed = dict.fromkeys((first, second, once), "passed")
    assert found == {**passed, failing: "failed", hopeless: "infrastructure"}
    assert merged.complete and not merged.problems
    # A task whose test has failed is not requeued, and none more often than twice.
    times = {name: len(file.read_text()) for name, file in runs.items()}
    assert times == {once: 2, failing: 1, hopeless: 3}

    # The same task, whose test passes now, alone on the same Slurm.
    alone = project.launch(paths.examples() / "ci/slurm.sh", "1", f"tests/{once}")
    alone.expect(0, limit=200)
