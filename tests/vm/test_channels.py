"""A script has the same results and the same log on both channels."""

import re
import shutil

import pytest

from support.testbed import Testbed
from test_failures import run

SCRIPT = """
    machine.wait_for_file("/etc/hostna*")
    with subtest("statuses and outputs"):
        print(machine.execute("echo out; echo err >&2; exit 42"))
        print(machine.execute("kill -KILL $$"))
        print(machine.execute("sleep 600", timeout=1))
        print(machine.execute("false | true; echo not reached"))
        print(machine.execute("printf '\\\\303\\\\050'"))
        print(machine.execute("cat; pwd; echo $-; ls /proc/self/fd | wc -l", check_return=False))
        print(machine.execute("exit 7", check_output=False))
        print(machine.succeed("echo $HOME $USER $DISPLAY; env | cut -d= -f1 | sort; ulimit -n"))
    with subtest("waits"):
        machine.succeed("(nc -lk 81 </dev/null >/dev/null 2>&1 &) >/dev/null")
        machine.wait_for_open_port(81)
        machine.wait_for_closed_port(82)
        print(machine.wait_until_fails("echo last; exit 1"), end="")
    with subtest("files"):
        machine.copy_from_host("test.py", "/tmp/copied/test.py")
        machine.copy_from_machine("/tmp/copied", "back")
        machine.copy_from_host_via_shell("test.py", "/tmp/shell/test.py")
        print(machine.succeed("cmp /tmp/copied/test.py /tmp/shell/test.py; umask; ulimit -n"))
        # More than the root shell transfers in one piece.
        with open("large.test.py", "wb") as large:
            large.write(bytes(i * 31 + i // 256 & 255 for i in range(1_000_000)))
        machine.copy_from_host("large.test.py", "/tmp/copied/large.test.py")
        machine.copy_from_host_via_shell("large.test.py", "/tmp/shell/large.test.py")
        print(machine.succeed("md5sum < /tmp/copied/large.test.py; md5sum < /tmp/shell/large.test.py"))
    try:
        machine.succeed("echo shown; echo why >&2; exit 3")
    except Exception as error:
        print(type(error).__name__, error)
    lines = machine.get_console_log().splitlines()
    print("on the console:", [line for line in lines if line in ("err", "why")])
    machine.shutdown()
"""
# These may differ: times, process ids, paths, the log of the copies' own steps, and all console
# lines that are not written by the script's commands.
VARIABLE = re.compile(
    r"[0-9.]+ seconds|pid [0-9]+|/tmp/charioteer-\w+|in [0-9.]+s$|CHARIOTEER_ACCEL.*", re.MULTILINE
)
OWN_STEPS = re.compile(
    r"^machine: .*(test\.py|\[\[:space:\]\]).*\n|^machine # (?!err$|why$).*\n", re.MULTILINE
)

pytestmark = pytest.mark.limit(240)


def outcome(testbed: Testbed, channel: str) -> tuple[str, str]:
    """The script's output and the log, without the parts that differ between runs."""
    done = run(testbed, SCRIPT, CHARIOTEER_CHANNEL=channel)
    done.expect(0, limit=180)
    log = OWN_STEPS.sub("", VARIABLE.sub("...", done.stderr))
    return done.stdout, log.replace(str(testbed.folder), "...")


def test_a_script_has_the_same_output_and_log_on_both_channels(testbed: Testbed) -> None:
    plain_output, plain_log = outcome(testbed, "plain")
    shutil.rmtree(testbed.state)
    shutil.rmtree(testbed.out / "back")
    agent_output, agent_log = outcome(testbed, "agent")
    assert agent_output == plain_output
    assert agent_log == plain_log
    # The standard error of commands appears on the console.
    assert "on the console: ['err', 'why']" in plain_output
    assert "machine # err\n" in plain_log and "machine # why\n" in plain_log


def test_pipe_holders_on_both_channels(testbed: Testbed) -> None:
    script = """
        # On a loaded host the shell may not have ended at the end of the first limit.
        for limit in (1, 8, 64):
            held = f"(sleep {limit + 1}; echo late) & echo early; exit 7"
            result = machine.execute(held, timeout=limit)
            if result[0] == 7:
                break
        print(result)
        pid = machine.succeed("sleep 600 >&2 & echo $!")
        print(machine.execute(f"kill {pid}"))
        print(machine.execute("sleep 600 & echo $!; exit 3")[0])
    """
    for channel in ("plain", "agent"):
        done = run(testbed, script, CHARIOTEER_CHANNEL=channel, CHARIOTEER_OUTPUT_HOLDER_LIMIT="5")
        done.expect(0, limit=120)
        assert done.stdout.splitlines()[-3:] == [r"(7, 'early\nlate\n')", "(0, '')", "3"]
        assert re.search(
            r"warning: `sleep 600 & echo \$!; exit 3` has ended, but sleep \(pid \d+\) still has "
            "its stdout open and nothing was written to it for 5 s",
            done.stderr,
        )


def test_an_unknown_channel_is_rejected(testbed: Testbed) -> None:
    refused = run(testbed, "machine.succeed('true')", CHARIOTEER_CHANNEL="pigeon")
    refused.expect(1, limit=120)
    assert 'CHARIOTEER_CHANNEL is "pigeon"; it can be auto, agent or plain' in refused.stderr


def test_an_invalid_holder_limit_is_rejected(testbed: Testbed) -> None:
    refused = run(testbed, "machine.succeed('true')", CHARIOTEER_OUTPUT_HOLDER_LIMIT="soon")
    refused.expect(1, limit=120)
    assert 'CHARIOTEER_OUTPUT_HOLDER_LIMIT is "soon"; it must be a whole number' in refused.stderr
