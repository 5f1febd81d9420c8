"""The examples for batch systems, with a stand-in for the system."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from charioteer import paths

from support.run import PROGRAMS, Run
from support.suites import QUICK, QUICK_FAILURE, Project

# Runs the command of a job at once, for an array in each of its tasks. Prints the number of the job,
# and after --wait has the exit status of the command.
SBATCH = """#!/bin/sh
waits= array= command=
while [ $# -gt 0 ]; do
    case $1 in
        --array=0-*) array=${1#--array=0-} ;;
        --dependency=afterany:7) ;;
        --wait) waits=1 ;;
        --wrap) command=$2; shift ;;
        --parsable | --requeue | --open-mode=append | --job-name=* | --cpus-per-task=* | --mem=* | --output=*) ;;
        *) echo "sbatch: unknown option $1" >&2; exit 9 ;;
    esac
    shift
done
if [ -n "$array" ]; then
    for task in $(seq 0 "$array"); do
        [ "$task" != "${LOST_TASK:-none}" ] || continue
        SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_STEP=1 \\
            SLURM_ARRAY_TASK_COUNT=$((array + 1)) sh -c "$command" >&2
    done
    echo "7;cluster"
elif [ -n "$waits" ]; then
    exec sh -c "$command"
fi
"""


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    made = Project(folder)
    sbatch = folder / "bin/sbatch"
    sbatch.write_text(SBATCH)
    sbatch.chmod(0o755)
    made.environment["PATH"] = f"{PROGRAMS}{os.pathsep}{made.environment['PATH']}"
    yield made
    made.close()


def run_slurm(project: Project, status: int, **changes: str) -> Run:
    script = paths.examples() / "ci/slurm.sh"
    run = project.launch(script, "2", "tests", **changes)
    run.expect(status, limit=120)
    return run


@pytest.mark.limit(120)
def test_slurm_has_the_status_of_all_shards(project: Project) -> None:
    for name in ("one", "two"):
        project.test(name, QUICK)
    run = run_slurm(project, 0)
    assert "2 tests in" in run.stdout
    project.test("bad", QUICK_FAILURE)
    run = run_slurm(project, 1)
    assert "3 tests in" in run.stdout and "failed: tests/bad" in run.stdout


@pytest.mark.limit(120)
def test_a_task_of_slurm_that_never_ran_is_missed(project: Project) -> None:
    for name in ("one", "two"):
        project.test(name, QUICK)
    run_slurm(project, 0)
    run = run_slurm(project, 75, LOST_TASK="1")
    assert "shard 2 of 2 is missing" in run.stdout


@pytest.mark.parametrize("status, is_done", [(0, True), (1, True), (2, False), (75, False)])
def test_a_pod_of_kubernetes_is_done_when_its_tests_have_results(
    folder: Path, status: int, is_done: bool
) -> None:
    text = (paths.examples() / "ci/kubernetes.yaml").read_text()
    (command,) = re.findall(r"^ *command: (\[.*\])$", text, re.MULTILINE)
    program = folder / "charioteer"
    program.write_text(f"#!/bin/sh\nexit {status}\n")
    program.chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    assert (subprocess.run(json.loads(command), env=env).returncode == 0) is is_done
