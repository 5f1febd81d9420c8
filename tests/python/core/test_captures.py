"""Captures of a VLAN by the real core, between stations on this host, read by tshark."""

import signal
from pathlib import Path

import pytest
from charioteer.trace import records

from support import tshark
from support.pcapng import statistics_of
from support.run import Run
from support.testbed import Testbed

STATIONS = f"""\
import contextlib, sys, time
sys.path.append({str(Path(tshark.__file__).parents[1])!r})
from support.station import connected_station

def send(*texts):
    for text in texts:
        alice.send(bob.address, text.encode())
        bob.receive(lambda frame: frame.payload == text.encode())

@contextlib.contextmanager
def plugged(number):
    while len(vlan1.plugs()) < number:
        time.sleep(0.01)
    yield

with (
    connected_station(vlan1.socket_dir, "02:00:00:00:00:01") as alice, plugged(1),
    connected_station(vlan1.socket_dir, "02:00:00:00:00:02") as bob, plugged(2),
):
"""
"""The begin of a script with two stations; the indented lines that follow can send texts."""


def drive(testbed: Testbed, lines: str, *options: str, stations: str = STATIONS) -> Run:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    return testbed.run_driver(testbed.configuration(stations + body, [], [1]), *options)


def texts(capture: Path | bytes, only: str = "frame") -> list[str]:
    """What the stations have sent; `only` is a display filter."""
    values = tshark.fields(capture, "data.data", only=f"eth.type == 0x88b5 && {only}")
    return [bytes.fromhex(value).decode() for (value,) in values]


def in_output(testbed: Testbed) -> list[str]:
    return sorted(path.name for path in testbed.out.iterdir())


class TestFiles:
    def test_a_block_has_the_frames_that_were_sent_within(self, testbed: Testbed) -> None:
        script = """\
send("before")
with vlan1.capture("mesh.pcapng") as capture:
    send("one", "two")
send("after")
print("it is", capture.path)
"""
        run = drive(testbed, script)
        run.expect(0)
        path = testbed.out / "mesh.pcapng"
        assert texts(path) == ["one", "two"] and f"it is {path}\n" in run.stdout
        assert path.stat().st_mode & 0o777 == 0o600
        assert in_output(testbed) == ["mesh.pcapng"]

    def test_frames_have_their_senders_and_times(self, testbed: Testbed) -> None:
        script = """\
import time
with vlan1.capture("mesh.pcapng"):
    print("begin", time.time_ns())
    send("one")
    bob.send(alice.address, b"two")
    alice.receive(lambda frame: frame.payload == b"two")
    print("end", time.time_ns())
"""
        run = drive(testbed, script)
        run.expect(0)
        names = ("frame.interface_name", "frame.time_epoch", "eth.src", "eth.dst")
        frames = tshark.fields(testbed.out / "mesh.pcapng", *names, only="eth.type == 0x88b5")
        (one, one_time, *one_addresses), (two, two_time, *two_addresses) = frames
        assert (one, two) == ("plug0", "plug1")
        assert one_addresses == ["02:00:00:00:00:01", "02:00:00:00:00:02"]
        assert two_addresses == one_addresses[::-1]
        times = dict(line.split() for line in run.stdout.splitlines() if line[:3] in ("beg", "end"))
        slack = 50_000_000  # another look at the system's clock, which may be adjusted
        nanoseconds = [int(time.replace(".", "")) for time in (one_time, two_time)]
        assert int(times["begin"]) - slack <= nanoseconds[0] <= nanoseconds[1]
        assert nanoseconds[1] <= int(times["end"]) + slack

    def test_a_capture_lasts_until_the_end_of_the_run(self, testbed: Testbed) -> None:
        script = """\
vlan1.capture("one.pcapng")
with vlan1.capture("folder/two.pcapng"):
    send("first")
send("last")
"""
        drive(testbed, script).expect(0)
        assert texts(testbed.out / "one.pcapng") == ["first", "last"]
        assert texts(testbed.out / "folder/two.pcapng") == ["first"]
        assert statistics_of((testbed.out / "one.pcapng").read_bytes())["lost"] == 0

    def test_an_ended_capture_can_be_stopped(self, testbed: Testbed) -> None:
        script = """\
capture = vlan1.capture("one.pcapng")
send("text")
capture.stop()
print("size", capture.path.stat().st_size)
capture.stop()
with capture:
    send("later")
print("size", capture.path.stat().st_size)
"""
        run = drive(testbed, script)
        run.expect(0)
        sizes = {line for line in run.stdout.splitlines() if line.startswith("size")}
        assert len(sizes) == 1 and texts(testbed.out / "one.pcapng") == ["text"]

    @pytest.mark.parametrize("end", ["capture.stop()", "pass"])
    def test_a_full_disk_is_a_warning(self, testbed: Testbed, end: str) -> None:
        script = f"""\
import os
real, os.open = os.open, lambda *_arguments: real("/dev/full", os.O_WRONLY)
capture = vlan1.capture("one.pcapng")
os.open = real
send("text")
{end}
"""
        run = drive(testbed, script)
        run.expect(0)
        warning = "one.pcapng is incomplete: cannot write to the file: No space left"
        assert run.stderr.count(warning) == 1

    @pytest.mark.parametrize("name", ["../mesh.pcapng", "/tmp/mesh.pcapng", "", ".", "link/x"])
    def test_paths_outside_are_refused(self, testbed: Testbed, name: str) -> None:
        (testbed.out / "link").symlink_to("/tmp")
        run = drive(testbed, f"vlan1.capture({name!r})", stations="if True:\n")
        run.expect(1)
        reason = f"ValueError: a capture is a file in the output directory, which {name!r} is not"
        assert reason in run.stderr
        assert in_output(testbed) == ["link"]

    def test_two_captures_of_a_file_at_once_are_refused(self, testbed: Testbed) -> None:
        script = """\
with vlan1.capture("mesh.pcapng"):
    try:
        vlan1.capture("folder/../mesh.pcapng")
    except ValueError as error:
        print("refused:", error)
    send("one")
with vlan1.capture("mesh.pcapng"):
    send("two")
    vlan1.capture("other.pcapng")
"""
        run = drive(testbed, script)
        run.expect(0)
        path = testbed.out / "folder/../mesh.pcapng"
        assert f"refused: another capture writes to {path}; stop it first" in run.stdout
        assert texts(testbed.out / "mesh.pcapng") == ["two"]

    def test_comments_have_the_file_and_line_of_a_fault(self, testbed: Testbed) -> None:
        script = """\
with vlan1.capture("mesh.pcapng"):
    vlan1.drop("plug0", "plug1", match="greater 100")
    alice.send(bob.address, bytes(200))
    send("one")
"""
        drive(testbed, script).expect(0)
        line = len(STATIONS.splitlines()) + 2
        comments = tshark.fields(
            testbed.out / "mesh.pcapng", "frame.comment", only="frame.len > 100"
        )
        assert comments == [(f"to plug1: dropped by drop-1 at test.py:{line}",)]

    def test_an_earlier_file_is_replaced(self, testbed: Testbed) -> None:
        path = testbed.out / "mesh.pcapng"
        path.write_bytes(b"x" * 100_000)
        path.chmod(0o644)
        drive(testbed, 'with vlan1.capture("mesh.pcapng"): send("text")').expect(0)
        assert texts(path) == ["text"] and path.stat().st_mode & 0o777 == 0o600

    def test_the_page_and_the_trace_have_the_file(self, testbed: Testbed) -> None:
        run = drive(testbed, 'with vlan1.capture("mesh.pcapng"): send("text")', "--report")
        run.expect(0)
        (step,) = [
            each
            for each in records.load(testbed.out).spans.values()
            if each.name == "capturing vlan1 to mesh.pcapng"
        ]
        assert step.fields["file"] == str(testbed.out / "mesh.pcapng")
        assert "mesh.pcapng" in (testbed.out / "report.html").read_text()

    def test_a_forked_child_cannot_capture_and_leaves_captures_alone(
        self, testbed: Testbed
    ) -> None:
        script = """\
import os
capture = vlan1.capture("mesh.pcapng")
send("one")
child = os.fork()
if child == 0:
    for use in (capture.stop, lambda: vlan1.capture("other.pcapng")):
        try:
            use()
        except Exception as error:
            print(type(error).__name__, flush=True)
    os._exit(0)
os.waitpid(child, 0)
send("two")
capture.stop()
"""
        run = drive(testbed, script)
        run.expect(0)
        assert texts(testbed.out / "mesh.pcapng") == ["one", "two"]
        assert run.stdout.count("MachineError\n") == 2


class TestFailures:
    def test_a_failed_run_leaves_the_last_frames(self, testbed: Testbed) -> None:
        run = drive(testbed, 'send("one", "two")\nassert False, "it failed"', "--report")
        run.expect(1)
        path = testbed.out / "vlan1.pcapng"
        assert texts(path) == ["one", "two"]
        assert f"the last frames of vlan1 are in {path}" in run.stderr
        assert "vlan1.pcapng" in (testbed.out / "report.html").read_text()
        steps = [each.fields.get("file") for each in records.load(testbed.out).spans.values()]
        assert str(path) in steps

    def test_the_first_screen_names_the_file(self, testbed: Testbed) -> None:
        script = STATIONS + '    send("one")\n    web.succeed("cat /no/such/file >&2")\n'
        run = testbed.run_driver(testbed.configuration(script, None, [1]))
        run.expect(1)
        screen = run.stderr.partition("why the test failed:\n")[2]
        assert screen.rstrip().endswith(f"diagnosis.txt, {testbed.out / 'vlan1.pcapng'}")

    @pytest.mark.parametrize("lines", ['send("one")', 'send("one")\nimport sys\nsys.exit(0)'])
    def test_a_run_that_passes_leaves_nothing(self, testbed: Testbed, lines: str) -> None:
        drive(testbed, lines).expect(0)
        assert in_output(testbed) == []

    def test_no_capture_leaves_nothing(self, testbed: Testbed) -> None:
        drive(testbed, 'send("one")\nassert False', "--no-capture").expect(1)
        assert in_output(testbed) == []

    def test_a_capture_is_possible_without_the_ring(self, testbed: Testbed) -> None:
        lines = 'with vlan1.capture("mesh.pcapng"): send("one")\nassert False'
        drive(testbed, lines, "--no-capture").expect(1)
        assert texts(testbed.out / "mesh.pcapng") == ["one"]
        assert in_output(testbed) == ["mesh.pcapng"]

    def test_a_vlan_without_frames_leaves_nothing(self, testbed: Testbed) -> None:
        drive(testbed, "assert False", stations="if True:\n").expect(1)
        assert in_output(testbed) == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_run_leaves_the_last_frames(
        self, testbed: Testbed, number: signal.Signals
    ) -> None:
        lines = 'send("one")\nimport time\nprint("sent", flush=True)\ntime.sleep(1000)'
        run = drive(testbed, lines)
        run.wait_for("sent")
        run.send(number)
        run.expect(128 + number)
        assert texts(testbed.out / "vlan1.pcapng") == ["one"]

    def test_the_file_of_an_earlier_failure_is_removed(self, testbed: Testbed) -> None:
        drive(testbed, 'send("one")\nassert False').expect(1)
        assert in_output(testbed) == ["vlan1.pcapng"]
        drive(testbed, 'send("two")').expect(0)
        assert in_output(testbed) == []

    def test_another_file_of_the_name_is_kept(self, testbed: Testbed) -> None:
        lines = 'with vlan1.capture("vlan1.pcapng"): send("mine")\nsend("other")\nassert False'
        run = drive(testbed, lines)
        run.expect(1)
        path = testbed.out / "vlan1.pcapng"
        assert texts(path) == ["mine"]
        assert f"{path} exists, so the last frames of vlan1 are lost" in run.stderr

    def test_the_ring_has_the_last_16_mebibytes(self, testbed: Testbed) -> None:
        script = """\
filler = b"x" * 1400
for burst in range(650):
    for number in range(20):
        alice.send(bob.address, bytes([number]) + filler)
    # One wait for a burst, since each costs several changes of process.
    bob.receive(lambda frame: frame.payload[0] == 19)
send("last")
assert False
"""
        drive(testbed, script).expect(1)
        path = testbed.out / "vlan1.pcapng"
        counted = statistics_of(path.read_bytes())
        assert counted["received"] == 13_001
        assert 0 < counted["lost"] < 3_000
        assert counted["received"] - counted["lost"] == counted["kept"]
        assert 15 << 20 < path.stat().st_size < 18 << 20
        assert texts(path, "frame.len < 100") == ["last"]
