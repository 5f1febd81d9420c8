"""scripts/steps.py and a program that uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import scaled, with_growing_limit

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def run(command: list[str], limit: float) -> subprocess.CompletedProcess[str]:
    """The output of a program that runs `command` as a step and prints the summary."""
    text = (
        "import sys, steps\n"
        f"outcomes = [steps.run(steps.Step('one', {command}, {limit}))]\n"
        "steps.summarize('program', outcomes, 1)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=True,
    )


def test_the_summary_has_the_line_that_counts_the_tests() -> None:
    done = run(["echo", "100% tests passed, 0 tests failed out of 7"], 60)
    *_, step, all_of_them = done.stdout.splitlines()
    assert step.endswith("passed  100% tests passed, 0 tests failed out of 7")
    assert all_of_them.startswith("program: all 1 steps passed in ")


def test_a_step_that_fails_is_named() -> None:
    done = run(["sh", "-c", "exit 7"], 60)
    assert "FAILED (exit status 7)" in done.stdout
    assert "program: one failed after " in done.stdout


def test_a_step_ends_at_its_limit_with_its_processes() -> None:
    # The output pipe is closed by the last process, which ignores SIGTERM.
    command = ["sh", "-c", "(trap '' TERM; echo begun; sleep 3600) & sleep 3600"]

    def begins(limit: float) -> bool:
        done = run(command, limit)
        assert f"=== one: ended at its limit of {limit:.0f} s\n" in done.stdout
        return "begun\n" in done.stdout

    with_growing_limit(begins, 1)


def test_python_keeps_what_it_has_compiled() -> None:
    # The environment of the program itself forbids it.
    done = run(
        [sys.executable, "-c", "import sys; print('forbidden:', sys.dont_write_bytecode)"], 60
    )
    assert "forbidden: False" in done.stdout


def test_the_summary_has_the_processor_time_of_children() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    done = run(["sh", "-c", f"{sys.executable} -c '{busy}'; true"], 60)
    step = done.stdout.splitlines()[-2]
    _name, _elapsed, _s, processor, *_ = step.split()
    assert float(processor) >= 0.3


@pytest.mark.parametrize("arguments", [["bullseye"], ["sid"]])
def test_other_distributions_are_rejected_in_one_line(arguments: list[str]) -> None:
    # The check of arguments needs no programs and no root.
    done = subprocess.run(
        [SCRIPTS / "check-distributions", *arguments],
        env={"PATH": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("check-distributions: ")
    assert "Traceback" not in done.stderr
