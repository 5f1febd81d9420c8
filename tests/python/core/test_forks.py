"""Children that a test script forks: they do not affect the run of their parent."""

import os
import signal

import pytest

from support.leftovers import expect_nothing_left, qemus_of, sockets_and_locks
from support.patience import until
from support.testbed import Testbed

FORK = """
import os, sys, threading, time
parent = os.getpid()
web.succeed("true")

def end_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""

# How a child ends, and its status.
ENDS = {
    "exits": ("sys.exit(3)", 3),
    "exits without cleanup": ("os._exit(4)", 4),
    "raises": ("raise LookupError('in the child')", 1),
    "runs to the end of the script": ("pass", 0),
    "is killed": ("os.kill(os.getpid(), 15); time.sleep(600)", -15),
}


def run_script(testbed: Testbed, script: str, *arguments: str) -> tuple[str, str]:
    """Runs `script`, which must pass and be able to use its machine at the end.

    Returns its standard output and error.
    """
    end = """
if os.getpid() == parent:
    assert web.succeed("echo still here") == "still here\\n"
    print("the end")
"""
    run = testbed.run_driver(testbed.configuration(FORK + script + end, vlans=[1]), *arguments)
    run.expect(0)
    assert run.stdout.count("the end\n") == 1
    assert run.stderr.count("cleanup") == 2, "the step and its end, of the parent alone"
    expect_nothing_left(testbed.folder)
    return run.stdout, run.stderr


@pytest.mark.parametrize("how", ENDS)
def test_a_child_that_ends(testbed: Testbed, how: str) -> None:
    end, status = ENDS[how]
    script = f"""
child = os.fork()
if child == 0:
    print("printed by the child")
    log.log("logged by the child")
    {end}
else:
    assert end_of(child) == {status}
"""
    out, err = run_script(testbed, script, "--junit-xml=report.xml")
    assert out.count("printed by the child\n") == 1
    assert err.count("logged by the child\n") == 1
    assert ("LookupError: in the child" in err) == (how == "raises")
    report = (testbed.out / "report.xml").read_text()
    assert 'failures="0"' in report and "logged by the child" not in report


def test_a_child_cannot_use_machines(testbed: Testbed) -> None:
    script = """
child = os.fork()
if child == 0:
    try:
        web.succeed("true")
    except Exception as error:
        print(type(error).__name__, error)
    os._exit(0)
assert end_of(child) == 0
"""
    out, _ = run_script(testbed, script)
    assert "MachineError a forked child process cannot use machines" in out


def test_children_of_multiprocessing_and_pools(testbed: Testbed) -> None:
    script = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def child(number):
    print(f"child {number}", flush=True)
    if number == 2:
        sys.exit(5)

context = multiprocessing.get_context("fork")
children = [context.Process(target=child, args=[number]) for number in (1, 2)]
for each in children:
    each.start()
for each in children:
    each.join()
assert [each.exitcode for each in children] == [0, 5]
sleeper = context.Process(target=time.sleep, args=[600])
sleeper.start()
sleeper.terminate()
sleeper.join()
assert sleeper.exitcode == -15
with ProcessPoolExecutor(2, mp_context=context) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
"""
    out, _ = run_script(testbed, script)
    assert {"child 1", "child 2"} <= set(out.split("\n"))


def test_a_child_of_another_thread_and_a_preexec_function(testbed: Testbed) -> None:
    script = """
import subprocess
statuses = []

def fork():
    child = os.fork()
    if child == 0:
        os._exit(6)
    statuses.append(end_of(child))

thread = threading.Thread(target=fork)
thread.start()
thread.join()
assert statuses == [6]
assert subprocess.run(["true"], preexec_fn=lambda: None).returncode == 0
"""
    run_script(testbed, script)


def test_machines_end_with_the_driver_although_a_child_still_runs(testbed: Testbed) -> None:
    script = """
child = os.fork()
if child == 0:
    time.sleep(600)
print("child", child, "waits", flush=True)
web.succeed("sleep 600")
"""
    run = testbed.run_driver(testbed.configuration(FORK + script, vlans=[1]))
    run.wait_for(" waits\n")
    run.wait_for("must succeed: sleep 600")
    child = int(run.stdout.split("child ")[1].split()[0])
    run.send(signal.SIGKILL)
    try:
        until(
            lambda: not qemus_of(testbed.state) and not sockets_and_locks(testbed.state),
            60,
            lambda: f"left: {qemus_of(testbed.state)} {sockets_and_locks(testbed.state)}",
        )
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)
    run.expect(137)
