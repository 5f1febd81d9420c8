"""The page that a run writes at its end, with the real core and a fake QEMU."""

import json
import re
import signal
from typing import Any

from charioteer.trace import records

from support.run import Run
from support.testbed import Testbed


def data_of(testbed: Testbed) -> dict[str, Any]:
    """What the page shows."""
    text = (testbed.out / "report.html").read_text()
    found = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def run_script(testbed: Testbed, script: str, *options: str) -> Run:
    return testbed.run_driver(testbed.configuration(script), *options)


def test_it_has_the_whole_script_and_the_result(testbed: Testbed) -> None:
    script = "web.succeed('true')\n" + "# a comment\n" * 3000 + "assert 1 == 2, 'last'\n"
    run_script(testbed, script, "--report").expect(1)
    data = data_of(testbed)
    lines = data["script"]["lines"]
    assert len(lines) == 3003 and lines[3001] == "assert 1 == 2, 'last'"
    assert (data["status"], data["exit_status"]) == ("failed", 1)
    assert (data["cause"]["text"], data["cause"]["line"]) == ("AssertionError: last", 3002)


def test_without_the_option_there_is_none(testbed: Testbed) -> None:
    run_script(testbed, "", "--trace").expect(0)
    assert not (testbed.out / "report.html").exists()


def test_an_error_is_a_line_of_the_log_and_not_the_outcome(testbed: Testbed) -> None:
    (testbed.out / "report.html.part").mkdir()
    run = run_script(testbed, "", "--report")
    run.expect(0)
    (line,) = (each for each in run.stderr.splitlines() if "the page of the run" in each)
    assert "cannot write the page of the run: IsADirectoryError" in line


def test_a_killed_run_leaves_no_page_of_an_earlier_one(testbed: Testbed) -> None:
    (testbed.out / "report.html").write_text("of an earlier run")
    run = run_script(
        testbed, "web.start()\nlog.log('ready')\nweb.succeed('sleep 600')\n", "--report"
    )
    run.wait_for("ready")
    run.send(signal.SIGKILL)
    run.finish()
    assert not (testbed.out / "report.html").exists()


def test_sigterm_leaves_a_page(testbed: Testbed) -> None:
    run = run_script(testbed, "import time\nlog.log('ready')\ntime.sleep(600)\n", "--report")
    run.wait_for("ready")
    run.send(signal.SIGTERM)
    run.expect(143)
    data = data_of(testbed)
    assert data["status"] == "interrupted" and "interrupted" in data["cause"]["text"]


def test_frames_of_a_vlan_are_its_traffic(testbed: Testbed) -> None:
    script = """
        import os, socket
        plug = socket.socket(socket.AF_UNIX)
        plug.connect(os.environ["CHARIOTEER_VLAN_SOCKET_1"])
        plug.sendall(len(bytes(60)).to_bytes(4, "big") + bytes(60))
        while vlan1.counters()["received"] == 0:
            pass
    """
    testbed.run_driver(testbed.configuration(script, vlans=[1]), "--report").expect(0)
    traffic = records.load(testbed.out).of_kind("traffic")
    assert [(each["vlan"], each["frames"], each["bytes"]) for each in traffic] == [(1, 1, 60)]
    assert [traffic[0][name] for name in ("senders", "sender_frames", "sender_bytes")] == [
        ["plug0"],
        [1],
        [60],
    ]
    shown = data_of(testbed)["traffic"][0]
    assert shown["bytes"] == [60] and shown["names"] == ["plug0"]
    assert shown["senders"] == [[[0, 1, 60]]]
