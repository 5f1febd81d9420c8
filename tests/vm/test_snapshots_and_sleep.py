"""Guests that are restored from snapshots, suspended guests, and the reason why QEMU ended."""

import subprocess

import pytest

from support.run import Run
from support.testbed import Testbed

from test_failures import run

pytestmark = pytest.mark.limit(400)

MONITOR = """
    import threading
    from test_driver.errors import MachineError

    def monitor(line):
        answer = machine.send_monitor_command(line)
        assert "rror" not in answer, answer

    lost = []

    def fail(command):
        try:
            machine.succeed(command)
        except MachineError as error:
            lost.append(str(error))

    def restore_during(command):
        waiting = threading.Thread(target=fail, args=(command,))
        waiting.start()
        machine.wait_for_console_text("under way", timeout=120)
        monitor("loadvm one")
        waiting.join(120)
        assert "the guest was restored to an earlier state" in lost.pop()
        assert machine.succeed("cat /tmp/state", timeout=120) == "before\\n"
"""

#: After loadvm the daemon of the snapshot runs on, and later changes are undone.
WITH_AGENT = f"""{MONITOR}
    machine.start()
    monitor("savevm boot")
    machine.succeed("echo before > /tmp/state")
    machine.succeed("(while sleep 0.1; do echo x >>/tmp/alive; done) </dev/null >/dev/null 2>&1 &")
    monitor("savevm one")
    machine.succeed("echo after > /tmp/state; touch /tmp/new")
    monitor("stop")
    monitor("loadvm one")
    monitor("cont")
    assert machine.succeed("cat /tmp/state", timeout=120) == "before\\n"
    machine.fail("test -e /tmp/new")
    restore_during("echo under way >&2; sleep 1000")
    machine.wait_until_succeeds("a=$(wc -l </tmp/alive); sleep 1; test $a != $(wc -l </tmp/alive)")
    monitor("loadvm boot")
    machine.succeed("test ! -e /tmp/state", timeout=120)
    print("restored", machine.handle.has_agent)
"""

PLAIN = f"""{MONITOR}
    machine.succeed("echo before > /tmp/state")
    monitor("savevm one")
    machine.succeed("echo after > /tmp/state")
    monitor("loadvm one")
    assert machine.succeed("cat /tmp/state", timeout=120) == "before\\n"
    restore_during("echo under way >&2; sleep 1000")
    print("restored", machine.handle.has_agent)
"""

#: The guest is suspended during a command, whose time passes before the guest wakes up.
SLEEP = """
    import threading, time
    machine.start()
    answers = []
    def run(command):
        thread = threading.Thread(target=lambda: answers.append(machine.succeed(command)))
        thread.start()
        return thread
    boot = machine.succeed("cat /proc/sys/kernel/random/boot_id")
    waiting = run("echo under way >&2; sleep 4; echo late")
    machine.wait_for_console_text("under way", timeout=120)
    # The command may return only after the guest has woken up, too.
    suspending = run("echo mem > /sys/power/state; echo awake")
    machine.wait_for_qmp_event(lambda event: event["event"] == "SUSPEND", timeout=60)
    time.sleep(4)  # the time for which the guest is suspended; QEMU polls ports once a second
    machine.send_monitor_command("system_wakeup")
    waiting.join(120)
    suspending.join(120)
    assert sorted(answers) == ["awake\\n", "late\\n"], answers
    assert machine.succeed("cat /proc/sys/kernel/random/boot_id") == boot
    print("woke up")
"""


def with_snapshots(testbed: Testbed, script: str, channel: str) -> Run:
    disk = testbed.folder / "snapshots.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "2G"], check=True)
    options = f"-drive file={disk},if=virtio"
    return run(testbed, script, QEMU_OPTS=options, CHARIOTEER_CHANNEL=channel)


def test_a_guest_that_is_restored_from_a_snapshot(testbed: Testbed) -> None:
    restored = with_snapshots(testbed, WITH_AGENT, "agent")
    restored.expect(0, limit=300)
    assert restored.stdout.endswith("restored True\n")


def test_a_guest_without_an_agent_that_is_restored_from_a_snapshot(testbed: Testbed) -> None:
    restored = with_snapshots(testbed, PLAIN, "plain")
    restored.expect(0, limit=300)
    assert restored.stdout.endswith("restored False\n")


def test_a_command_under_way_while_the_guest_is_suspended(testbed: Testbed) -> None:
    slept = run(testbed, SLEEP)
    slept.expect(0, limit=200)
    assert slept.stdout.endswith("woke up\n")


def test_why_qemu_has_ended(testbed: Testbed) -> None:
    script = """
        from test_driver.errors import MachineError
        try:
            machine.succeed("reboot -f; sleep 600")
        except MachineError as error:
            print(f"raised: {error}")
        machine.wait_for_shutdown()
    """
    ended = run(testbed, script)
    ended.expect(0, limit=200)
    assert "the guest reset itself and start(allow_reboot=True) was not given" in ended.stdout
    assert "machine: QEMU ended with status 0: the guest reset itself" in ended.stderr
