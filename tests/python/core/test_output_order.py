"""The order of the log, of the script's output and of programs that it starts, under load: in a pipe,
on a terminal with the log, and on a terminal with the live view."""

import re
from collections.abc import Callable

import pytest

from support.console_lines import by_source
from support.testbed import Testbed

# A guest that floods its console until the file exists.
FLOOD = (
    "web.succeed(\"setsid sh -c 'until [ -e {stop} ]; do echo flood; done' "
    '>/dev/null </dev/null &")\n'
)
Lines = Callable[[Testbed, str], list[str]]


def in_a_pipe(testbed: Testbed, script: str) -> list[str]:
    testbed.one_pipe = True
    run = testbed.run_driver(testbed.configuration(script))
    run.expect(0)
    return run.stdout.split("\n")


def on_a_terminal(testbed: Testbed, script: str, *options: str) -> list[str]:
    command = testbed.shown_run(script, *options)
    terminal = testbed.terminal(*command, size=(400, 50), LC_ALL="C.UTF-8")
    terminal.expect(0)
    return terminal.screen.split("\n")


def as_log(testbed: Testbed, script: str) -> list[str]:
    return on_a_terminal(testbed, script, "--log")


def in_the_live_view(testbed: Testbed, script: str) -> list[str]:
    return on_a_terminal(testbed, script)


def in_the_verbose_view(testbed: Testbed, script: str) -> list[str]:
    return on_a_terminal(testbed, script, "-v")


EVERYWHERE = pytest.mark.parametrize(
    "lines_of",
    [in_a_pipe, as_log, in_the_live_view, in_the_verbose_view],
    ids=["pipe", "log", "live", "verbose"],
)


def flooded(testbed: Testbed, script: str) -> str:
    """`script` while the console of a guest is flooded."""
    stop = testbed.folder / "stop"
    return FLOOD.format(stop=stop) + script + f"\nopen({str(stop)!r}, 'w').close()\n"


@EVERYWHERE
def test_lines_of_all_sources_are_whole_and_in_order(testbed: Testbed, lines_of: Lines) -> None:
    script = """
import os, subprocess, sys
for number in range(200):
    print("item", number, "printed")
    log.log(f"item {number} logged")
    print("item", number, "complained", file=sys.stderr)
    sys.stdout.write(f"item {number} ")
    sys.stdout.write("written\\n")
    if number % 20 == 0:
        subprocess.run(["echo", f"item {number} started"])
        os.system(f"echo item {number} errors >&2")
    print("item", number, "again", flush=True)
"""
    lines = lines_of(testbed, flooded(testbed, script))
    expected = []
    for number in range(200):
        words = ["printed", "logged", "complained", "written"]
        words += ["started", "errors"] if number % 20 == 0 else []
        expected += [f"item {number} {word}" for word in [*words, "again"]]
    found = [line.removeprefix("· ") for line in lines if "item" in line]
    assert found == expected


@EVERYWHERE
def test_lines_of_threads_are_whole(testbed: Testbed, lines_of: Lines) -> None:
    script = """
import sys, threading
def write(name):
    for number in range(300):
        print("thread", end=" ")
        print(name, number, "x" * 60)
        sys.stderr.write(f"thread {name.upper()} ")
        sys.stderr.write(f"{number}\\n")
threads = [threading.Thread(target=write, args=[name]) for name in "abcd"]
for each in threads: each.start()
for each in threads: each.join()
"""
    lines = lines_of(testbed, flooded(testbed, script))
    for name in "abcd":
        assert [line for line in lines if line.startswith(f"thread {name}")] == [
            f"thread {name} {number} {'x' * 60}" for number in range(300)
        ]
        assert [line for line in lines if line.startswith(f"thread {name.upper()}")] == [
            f"thread {name.upper()} {number}" for number in range(300)
        ]


@EVERYWHERE
def test_incomplete_lines_contain_nothing_else(testbed: Testbed, lines_of: Lines) -> None:
    script = """
import threading
def write(name):
    for number in range(100):
        print(f"<{name}{number}>", end="", flush=True)
        log.log(f"logged {name}{number}")
    print()
threads = [threading.Thread(target=write, args=[name]) for name in "ab"]
for each in threads: each.start()
for each in threads: each.join()
"""
    lines = lines_of(testbed, flooded(testbed, script))
    for name in "ab":
        printed = "".join(line for line in lines if line.startswith(f"<{name}"))
        assert printed == "".join(f"<{name}{number}>" for number in range(100))
        assert [line.removeprefix("· ") for line in lines if f"logged {name}" in line] == [
            f"logged {name}{number}" for number in range(100)
        ]


INCOMPLETE_LINE = """
    print("dots", end="", flush=True)
    log.log("between")
    print(" and more", end="", flush=True)
    log.log("again")
    print()
    print("next")
"""


def test_a_line_that_was_ended_early_ends_once(testbed: Testbed) -> None:
    lines = in_a_pipe(testbed, INCOMPLETE_LINE)
    begin = lines.index("dots")
    assert lines[begin : begin + 5] == ["dots", "between", " and more", "again", "next"]


def test_an_incomplete_line_stays_one_in_the_live_view(testbed: Testbed) -> None:
    lines = in_the_live_view(testbed, INCOMPLETE_LINE)
    begin = lines.index("· between")
    assert lines[begin : begin + 4] == ["· between", "· again", "dots and more", "next"]


def test_a_program_that_outlives_a_step_writes_whole_lines(testbed: Testbed) -> None:
    script = """
        import subprocess
        loop = 'for i in $(seq 100); do printf "part "; echo "of $i"; done'
        program = subprocess.Popen(["sh", "-c", loop])
        for number in range(200):
            print("printed", number)
        program.wait()
    """
    lines = in_the_live_view(testbed, script)
    assert [line for line in lines if "of" in line and "art" in line and "tmp" not in line] == [
        f"part of {number}" for number in range(1, 101)
    ]
    assert [line for line in lines if "printed" in line] == [f"printed {n}" for n in range(200)]


def test_the_log_on_a_terminal_is_that_of_a_pipe(testbed: Testbed) -> None:
    """Except for times and process ids; colours are compared by test_the_bytes_of_the_log."""
    script = "web.succeed('true')\nwith subtest('part'): print('printed')\n"

    def normal(lines: list[str]) -> tuple[list[str], list[str]]:
        kept = [line for line in lines if line and "artefacts" not in line]
        # The console may come before or after a line of the driver.
        return by_source((re.sub(r"\d+\.\d\d|pid \d+|tmp/\S+", "N", line) for line in kept), "web")

    assert normal(as_log(testbed, script)) == normal(in_a_pipe(testbed, script))
