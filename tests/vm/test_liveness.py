"""Guests that end, reboot or stop responding during a command."""

import os
import signal

import pytest

from support.leftovers import qemus_of
from support.testbed import Testbed

from test_failures import run

KILL_AGENT = (
    "for p in /proc/[0-9]*; do read -r c < $p/comm && "
    "case $c in (.charioteer-*) kill ${p#/proc/};; esac; done 2>/dev/null; sleep 600"
)

pytestmark = pytest.mark.limit(300)


def test_a_guest_that_powers_off_during_a_command(testbed: Testbed) -> None:
    gone = run(testbed, "machine.succeed('echo in the command >&2; poweroff; sleep 600')")
    gone.expect(1, limit=120)
    assert "ShellError: machine: " in gone.stderr and "while running `" in gone.stderr
    reasons = (
        "the guest powered itself off",
        "the guest shut down",
        "QEMU ended with status 0",
        "the agent in the guest ended",
    )
    assert any(reason in gone.stderr for reason in reasons)


def test_an_agent_that_is_killed_is_reported_and_replaced(testbed: Testbed) -> None:
    script = f"""
        from test_driver.errors import MachineError
        try:
            machine.succeed("{KILL_AGENT}")
        except MachineError as error:
            print(f"raised: {{error}}")
        print(machine.run("echo again").stdout, machine.handle.has_agent)
    """
    replaced = run(testbed, script)
    replaced.expect(0, limit=120)
    assert "raised: machine: the agent in the guest ended" in replaced.stdout
    assert replaced.stdout.endswith("again\n True\n")


def test_a_guest_that_reboots_during_a_command(testbed: Testbed) -> None:
    script = """
        from test_driver.errors import MachineError
        machine.start(allow_reboot=True)
        machine.succeed("touch /tmp/before")
        try:
            machine.succeed("echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger; sleep 99")
        except MachineError as error:
            print(f"raised: {error}")
        print(machine.succeed("test ! -e /tmp/before; echo anew"), machine.handle.has_agent)
    """
    anew = run(testbed, script)
    anew.expect(0, limit=180)
    assert "raised: machine: the guest rebooted" in anew.stdout
    assert anew.stdout.endswith("anew\n True\n")


def test_a_guest_that_becomes_silent_is_waited_for(testbed: Testbed) -> None:
    testbed.keyboard = True
    script = """
        import threading
        gate = threading.Thread(target=lambda: (input(), machine.succeed("echo >/tmp/gate")))
        machine.succeed("mkfifo /tmp/gate")
        gate.start()
        print(machine.succeed("echo in the command >&2; cat /tmp/gate; echo done"))
        gate.join()
    """
    silent = run(testbed, script)
    silent.wait_for("machine # in the command", limit=120)
    (qemu,) = qemus_of(testbed.state)
    os.kill(qemu, signal.SIGSTOP)
    silent.wait_for("waiting for the guest: its agent has sent nothing for", limit=120)
    os.kill(qemu, signal.SIGCONT)
    silent.enter("go on")
    silent.expect(0, limit=120)
    assert silent.stdout.endswith("done\n\n")


def test_a_guest_that_is_stopped_by_the_monitor_is_waited_for(testbed: Testbed) -> None:
    script = """
        import threading
        machine.succeed("true")
        machine.qmp_client.send("stop")
        # Longer than the 30 s after which a guest that does not respond is given up.
        threading.Timer(35, lambda: machine.qmp_client.send("cont")).start()
        print(machine.succeed("echo answered"), end="")
    """
    waited = run(testbed, script)
    waited.expect(0, limit=180)
    assert waited.stdout.endswith("answered\n")
