"""Network faults in a run of the driver: frames, log and trace, with a fake QEMU and real sockets."""

import json
from pathlib import Path

import pytest
from charioteer.trace import records

from support.json_schema import problems
from support.noted_scripts import TWO, Scripts
from support.testbed import Testbed

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/trace.schema.json").read_text())

# Two programs of the host, plug0 and plug1, and a function that returns which of a hundred frames
# from the first one reach the second one. The last frame, a broadcast of another type, always does.
PLUGS = """
import os, socket

def plug():
    made = socket.socket(socket.AF_UNIX)
    made.connect(os.environ["CHARIOTEER_VLAN_SOCKET_1"])
    while len(vlan1.plugs()) <= len(plugs):
        pass
    return made

def frame(number, kind=0x0800):
    body = bytes([255] * 6 + [2, 0, 0, 0, 0, 1]) + kind.to_bytes(2, "big") + bytes([number])
    return len(body).to_bytes(4, "big") + body

def received():
    plugs[0].sendall(b"".join(map(frame, range(100))) + frame(100, 0x88b5))
    numbers = []
    while 100 not in numbers:
        size = int.from_bytes(plugs[1].recv(4, socket.MSG_WAITALL), "big")
        numbers.append(plugs[1].recv(size, socket.MSG_WAITALL)[-1])
    return numbers[:-1]

plugs = []
for _ in range(2):
    plugs.append(plug())
"""


def run(testbed: Testbed, script: str, status: int, *options: str) -> list[records.Record]:
    """The records of the trace of a run with the plugs."""
    path = testbed.configuration(PLUGS + script, vlans=[1])
    testbed.run_driver(path, "--trace", *options).expect(status)
    found = records.load(testbed.out).records
    wrong = [text for each in found for text in problems(each, SCHEMA)]
    assert not wrong, wrong
    return found


def test_frames_are_lost_until_the_end_of_the_block(testbed: Testbed) -> None:
    script = """
with vlan1.drop("plug0", "plug1", match="ip") as fault:
    assert received() == []
assert received() == list(range(100))
assert fault.counters()["seen"] == fault.counters()["dropped"] == 100
"""
    run(testbed, script, 0)


@pytest.mark.parametrize("seed", ["5", None])
def test_a_seed_repeats_the_decisions(testbed: Testbed, seed: str | None) -> None:
    script = """
with vlan1.flaky(match="ip"):
    print("received", received())
"""
    path = testbed.configuration(PLUGS + script, vlans=[1])
    options = ["--seed", seed] if seed else []
    first = testbed.run_driver(path, *options)
    first.expect(0)
    (line,) = [
        each for each in (first.stdout + first.stderr).splitlines() if each.startswith("received")
    ]
    (announcement,) = [
        each for each in (first.stdout + first.stderr).splitlines() if "use the seed" in each
    ]
    used = announcement.split("the seed ")[1].split(";")[0]
    assert seed is None or used == seed
    again = testbed.run_driver(path, "--seed", used)
    again.expect(0)
    assert line in again.stdout and len(line) > 20
    other = testbed.run_driver(path, "--seed", str(int(used) ^ 1))
    other.expect(0)
    assert line not in other.stdout


def test_faults_are_recorded_and_end_with_the_run(testbed: Testbed) -> None:
    script = """
vlan1.slow("plug0", delay=0.001, name="mine")
received()
vlan1.drop(match="udp")
1 // 0
"""
    found = run(testbed, script, 1, "--seed", "9")
    faults = [each for each in found if each["kind"] == "fault"]
    short = [(each["name"], each["fault"], each["state"], each.get("line")) for each in faults]
    first = len(PLUGS.splitlines()) + 2
    assert short == [
        ("mine", "slow", "begin", first),
        ("drop-1", "cut", "begin", first + 2),
        ("mine", "slow", "end", None),
        ("drop-1", "cut", "end", None),
    ]
    assert faults[0]["seed"] == 9 and faults[1]["match"] == "udp"
    assert faults[0]["text"] == "plug0 <-> all others: 1 ms ± 10 ms"
    assert faults[2]["counters"] == {"seen": "101", "delayed": "101"}


@pytest.mark.parametrize("text", ["-1", "x", "4294967296"])
def test_a_bad_seed_is_an_error(testbed: Testbed, text: str) -> None:
    result = testbed.run_driver(testbed.configuration("", vlans=[1]), f"--seed={text}")
    result.expect(2)
    assert f"'{text}' is not a number from 0 to 4294967295" in result.stderr


def test_a_fault_is_in_force_again_in_a_run_that_resumes(testbed: Testbed, folder: Path) -> None:
    scripts = Scripts(testbed, folder)
    scripts.vlans = [1]
    script = f"vlan1.drop('web')\n{TWO}\nprint('seen', vlan1.faults)\nnote('c')"
    scripts.record(script)
    run = scripts.run(script, "--resume")
    assert "resumed at the checkpoint 'two'" in run.stderr and scripts.done == ["c"]
    assert "seen [<Fault drop-1: web <-> all others>]" in run.stdout
