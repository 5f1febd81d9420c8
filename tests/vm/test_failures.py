"""Runs whose QEMU or guest fails, and runs that are ended by signals."""

import os
import signal
import textwrap

import pytest
from charioteer.cluster import configuration, definition

from support.leftovers import expect_nothing_left, qemus_of
from support.run import Run
from support.testbed import Testbed

IN_COMMAND = "machine.succeed('echo in the command >&2; sleep 600')"

pytestmark = pytest.mark.limit(240)


def run(testbed: Testbed, script: str, global_timeout: int = 600, **changes: str) -> Run:
    """Starts `nixos-test-driver` with one minimal guest, `machine`."""
    (testbed.folder / "cluster.toml").write_text(
        f'global_timeout = {global_timeout}\n[machines.machine]\nguest = "minimal"\n'
    )
    (testbed.folder / "test.py").write_text(textwrap.dedent(script))
    cluster = definition.load(testbed.folder)
    return testbed.run_driver(configuration.write(cluster, testbed.folder), **changes)


def test_a_kernel_that_panics_during_a_command(testbed: Testbed) -> None:
    script = "machine.succeed('echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger')"
    panicked = run(testbed, script)
    panicked.expect(1, limit=120)
    assert "!!! " in panicked.stderr and "Kernel panic - not syncing" in panicked.stderr


def test_a_kernel_that_finds_no_init(testbed: Testbed) -> None:
    panicked = run(testbed, "machine.succeed('true')", QEMU_KERNEL_PARAMS="rdinit=/no init=/none")
    panicked.expect(1, limit=120)
    assert "!!! " in panicked.stderr and "Kernel panic - not syncing" in panicked.stderr


def test_a_guest_that_never_starts_the_shell(testbed: Testbed) -> None:
    silent = run(
        testbed,
        "machine.succeed('true')",
        global_timeout=5,
        QEMU_KERNEL_PARAMS="rdinit=/usr/bin/bash",
    )
    silent.expect(143, limit=120)
    assert "timeout reached; test terminating..." in silent.stderr


def test_a_script_that_does_not_end(testbed: Testbed) -> None:
    # The limit begins when the guest runs, however long that takes.
    script = """
        machine.connect()
        driver.global_timeout = 1
        driver.race_timer.start()
        while True:
            try:
                machine.execute("sleep 600")
            except BaseException:
                print("caught", flush=True)
    """
    stubborn = run(testbed, script)
    stubborn.expect(143, limit=120)
    assert "caught" in stubborn.stdout
    expect_nothing_left(testbed.folder)


def test_a_shell_that_is_killed_during_a_command(testbed: Testbed) -> None:
    script = """
        from test_driver.errors import MachineError
        try:
            machine.succeed("kill -KILL $PPID; sleep 600")
        except MachineError as error:
            print(f"raised: {error}")
        machine.crash()
        print(machine.succeed("echo again"), end="")
    """
    lost = run(testbed, script)
    lost.expect(0, limit=120)
    assert "raised: " in lost.stdout and lost.stdout.endswith("again\n")


def test_a_qemu_that_is_killed_during_a_command(testbed: Testbed) -> None:
    killed = run(testbed, IN_COMMAND)
    killed.wait_for("machine # in the command", limit=120)
    (qemu,) = qemus_of(testbed.state)
    os.kill(qemu, signal.SIGKILL)
    killed.expect(1)
    assert "QEMU was ended by signal 9 (Killed)" in killed.stderr


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, 137)]
)
@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("machine.succeed('true')", "QEMU running (pid"),
        (IN_COMMAND, "machine # in the command"),
    ],
    ids=["booting", "in a command"],
)
def test_a_signal(
    testbed: Testbed, script: str, text: str, number: signal.Signals, status: int
) -> None:
    ended = run(testbed, script)
    ended.wait_for(text, limit=120)
    assert qemus_of(testbed.state)
    ended.send(number)
    ended.expect(status)
    expect_nothing_left(testbed.folder)
