"""The script of questions, run on this host with programs of this test in place of systemd's."""

import subprocess
from pathlib import Path

import pytest
from charioteer.testing.diagnosis import questions

from support.diagnosed import request

SYSTEMCTL = """\
case $1 in
list-units) printf 'bad.service loaded failed failed Bad\\nold.device loaded activating x Disk\\n';;
show) echo "shown: $*";;
list-jobs) echo "1 a.service start waiting";;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with programs, which is also that of a running systemd."""
    commands = {"systemctl": SYSTEMCTL, "journalctl": 'echo "logged: $*"', "ping": "exit 1"}
    for name, text in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def answers(programs: Path, machine: str, shell: str = "bash", **asked: object) -> dict[str, str]:
    text = questions.script(request("client", **asked), machine)
    text = text.replace("/run/systemd/system", str(programs))
    path = f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin"
    done = subprocess.run([shell, "-euc", text], env={"PATH": path}, capture_output=True)
    assert done.returncode == 0 and done.stderr == b""
    return questions.sections(done.stdout.decode())


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_machine_of_the_step(programs: Path, shell: str) -> None:
    asked = {"units": ["web.service"], "hosts": ["server"], "files": ["/etc/passwd", "/etc/n'one"]}
    found = answers(programs, "client", shell, **asked)
    assert "-- bad.service web.service" in found["show"]
    assert "a.service start waiting" in found["jobs"] and "logged:" in found["journal"]
    assert "-u bad.service -u web.service" in found["unit-journal"]
    assert "/proc/meminfo <==" in found["files"] and float(found["clock"]) > 0
    assert "missing /etc/n'one" in found["paths"] and " /etc/passwd" in found["paths"]
    assert "ping server" in found and "large-ping server" not in found and "end" in found


def test_a_machine_that_the_step_does_not_concern(programs: Path) -> None:
    found = answers(programs, "other", units=["web.service"], hosts=["server"])
    assert "-- bad.service web.service" in found["show"]
    assert "journal" not in found and "-u web.service" not in found["unit-journal"]
    assert "-u bad.service" in found["unit-journal"] and "ping server" not in found
    assert "journal" in answers(programs, "server", hosts=["server"])


def test_an_answer_that_was_cut_off() -> None:
    assert questions.sections("x\n\x1eclock\n1.5\n\n\x1efiles\n==> /a") == {
        "clock": "1.5\n",
        "files": "==> /a",
    }
