"""scripts/graph.py runs steps in parallel."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from support.leftovers import processes_of
from support.patience import scaled, until

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def start(folder: Path, steps: str) -> "subprocess.Popen[str]":
    """A program that runs the steps of the expression `steps`, with logs in `folder`/logs."""
    text = (
        "import sys, pathlib\n"
        "from graph import Graph\n"
        "from steps import Step, summarize\n"
        f"outcomes = Graph({steps}, pathlib.Path({str(folder)!r}, 'logs')).run()\n"
        "summarize('program', outcomes, 1)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def output(process: "subprocess.Popen[str]") -> str:
    text, _ = process.communicate(timeout=scaled(50))
    return text


def step(name: str, command: str, *options: str) -> str:
    return f"Step({name!r}, ['sh', '-c', {command!r}], {', '.join([f'{scaled(30)}', *options])})"


def test_a_step_runs_after_its_dependencies(folder: Path) -> None:
    first = step("first", f"echo first >> {folder}/order")
    second = step("second", f"echo second >> {folder}/order", "needs=('first',)", "load=0.1")
    text = output(start(folder, f"[{second}, {first}]"))
    assert (folder / "order").read_text() == "first\nsecond\n"
    assert "program: all 2 steps passed" in text


def test_steps_that_leave_processors_idle_run_side_by_side(folder: Path) -> None:
    # Each step waits for the other one.
    os.mkfifo(folder / "pipe")
    reader = step("reader", f"cat {folder}/pipe", "load=0.5")
    writer = step("writer", f"echo x > {folder}/pipe", "load=0.5")
    assert "program: all 2 steps passed" in output(start(folder, f"[{reader}, {writer}]"))


def test_steps_that_keep_all_processors_busy_run_alone(folder: Path) -> None:
    alone = f"mkdir {folder}/busy && sleep 0.2 && rmdir {folder}/busy"
    steps = ", ".join(step(name, alone) for name in ("a", "b", "c"))
    assert "program: all 3 steps passed" in output(start(folder, f"[{steps}]"))


def test_a_step_that_waits_for_room_is_overtaken_by_none(folder: Path) -> None:
    small = step("small", "sleep 0.2", "load=0.5")
    large = step("large", f"echo large >> {folder}/order")
    later = step("later", f"echo later >> {folder}/order", "load=0.5")
    output(start(folder, f"[{small}, {large}, {later}]"))
    assert (folder / "order").read_text() == "large\nlater\n"


def test_only_the_output_of_a_failed_step_is_shown(folder: Path) -> None:
    good = step("good", "echo not shown; echo 100% tests passed out of 7")
    bad = step("bad", "echo what went wrong; exit 7", "needs=('good',)")
    never = step("never", "true", "needs=('bad',)")
    text = output(start(folder, f"[{good}, {bad}, {never}]"))
    assert "\nnot shown" not in text and "\nwhat went wrong\n" in text
    assert "100% tests passed out of 7" in text
    assert "never begins" not in text
    assert "program: bad failed after " in text
    assert (folder / "logs/good.log").read_text().startswith("not shown\n")


def test_a_failed_step_ends_the_other_steps_with_all_their_processes(folder: Path) -> None:
    orphan = f"(setsid sleep 3600 {folder} & echo >> {folder}/pipe); sleep 3600 {folder}"
    orphan = orphan.replace(f"sleep 3600 {folder}", f"sh -c 'sleep 3600; : {folder}'")
    os.mkfifo(folder / "pipe")
    steps = [
        step("other", orphan, "load=0.5"),
        step("bad", f"cat {folder}/pipe; exit 1", "load=0.5"),
    ]
    text = output(start(folder, f"[{', '.join(steps)}]"))
    assert "other is ended" in text and "program: bad failed" in text
    assert processes_of(folder) == {}


def test_ctrl_c_leaves_no_process(folder: Path) -> None:
    command = f"setsid sh -c 'trap \"\" TERM; echo > {folder}/pipe; sleep 3600; : {folder}'"
    os.mkfifo(folder / "pipe")
    process = start(folder, f"[{step('one', command)}]")
    (folder / "pipe").read_text()
    process.send_signal(signal.SIGINT)
    output(process)
    assert process.returncode != 0
    until(lambda: not processes_of(folder), 10, lambda: str(processes_of(folder)))
