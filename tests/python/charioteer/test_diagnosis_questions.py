"""The script of questions, run on this host with programs of this test in place of systemd's."""

import subprocess
from pathlib import Path

import pytest
from charioteer.testing.diagnosis import combined, questions

from support.diagnosed import request

SYSTEMCTL = """\
case $1 in
show)
  printf 'NRestarts=0\\nId=bad.service\\nActiveState=failed\\n'
  case $* in *web.service*) printf '\\nId=web.service\\nActiveState=inactive\\nJob=7\\n';; esac;;
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


def answers(
    programs: Path, machine: str, shell: str = "bash", limit: float = 11, **asked: object
) -> dict[str, str]:
    text = questions.script(request("client", **asked), machine, limit)
    text = text.replace("/run/systemd/system", str(programs))
    text = text.replace("/etc/kubernetes/admin.conf", str(programs / "kubectl"))
    path = f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin"
    done = subprocess.run([shell, "-euc", text], env={"PATH": path}, capture_output=True)
    assert done.returncode == 0 and done.stderr == b""
    return questions.sections(done.stdout.decode())


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_machine_of_the_step(programs: Path, shell: str) -> None:
    asked = {"units": ["web.service"], "hosts": ["server"], "files": ["/etc/passwd", "/etc/n'one"]}
    found = answers(programs, "client", shell, 11, **asked)
    assert "Id=bad.service" in found["show"] and "Id=web.service" in found["show"]
    assert "a.service start waiting" in found["jobs"] and "logged:" in found["journal"]
    assert "-u bad.service -u web.service" in found["unit-journal"]
    assert "/proc/meminfo <==" in found["files"] and float(found["clock"]) > 0
    assert "missing /etc/n'one" in found["paths"] and " /etc/passwd" in found["paths"]
    assert "mtu" in found["addresses"] and found["disks"].count("\n") and "inodes" in found
    assert "sockets" in found and "/proc/net/tcp <==" not in found["files"]
    assert "ping server" in found and "large-ping server" not in found and "end" in found


def test_a_machine_that_the_step_does_not_concern(programs: Path) -> None:
    found = answers(programs, "other", units=["web.service"], hosts=["server"])
    assert "Id=web.service" in found["show"]
    assert "sockets" not in found and "/proc/net/tcp <==" in found["files"]
    assert "sockets" in answers(programs, "other", ports=["80"])
    assert "journal" not in found and "-u web.service" not in found["unit-journal"]
    assert "-u bad.service" in found["unit-journal"] and "ping server" not in found
    assert "journal" in answers(programs, "server", hosts=["server"])


def test_jobs_are_asked_for_where_they_may_matter(programs: Path) -> None:
    assert "jobs" in answers(programs, "other", units=["web.service"])
    assert "jobs" in answers(programs, "client")
    assert "jobs" not in answers(programs, "other")
    assert "jobs" not in answers(programs, "client", units=["idle.service"])


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize(
    ("limit", "seconds"), [(3.75, ["3", "2"]), (11.25, ["7", "5"]), (44, ["24", "16"])]
)
def test_limits_of_programs_are_shares_of_the_guest_s_time(
    programs: Path, shell: str, limit: float, seconds: list[str]
) -> None:
    notes = programs / "notes"
    for name, text in {
        "timeout": f'case $2 in kubectl) echo "$1" >> {notes};; esac; shift; exec "$@"',
        "kubectl": "echo refused; exit 3",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    found = answers(programs, "client", shell, limit)
    assert notes.read_text().split() == seconds
    assert found["kubernetes"].split("\n")[:2] == ["refused", "kubectl has ended with status 3"]


def test_an_answer_that_was_cut_off() -> None:
    assert questions.sections("x\n\x1eclock\n1.5\n\n\x1efiles\n==> /a") == {
        "clock": "1.5\n",
        "files": "==> /a",
    }


def test_one_answer_of_ip_is_that_to_three_questions() -> None:
    lines = {
        "addresses": "1: lo: <UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo",
        "routes": "default via 10.0.2.2 dev eth0\n192.168.1.0/24 dev eth1 scope link",
        "neighbours": "10.0.2.2 dev eth0 lladdr 52:55:0a:00:02:02 REACHABLE\nfe80::2 dev eth1 FAILED",
    }
    assert combined.separated({"ip": "\n".join(lines.values()), "clock": "1"}) == {
        **lines,
        "clock": "1",
    }


def test_one_answer_of_df_is_that_to_two_questions() -> None:
    text = (
        "Filesystem 1K-blocks Used Avail Use% Inodes IUsed IFree IUse% Mounted on\n"
        "/dev/vda 1997160 900 10 100% 131072 25000 106072 20% /\n"
        "none 20 0 20 0% - - - - /srv/my mail\n"
        "df: cut off\n"
    )
    found = combined.separated({"filesystems": text})
    assert found["disks"].split("\n")[1:] == [
        "/dev/vda 1997160 900 10 100% /", "none 20 0 20 0% /srv/my mail"
    ]  # fmt: skip
    assert found["inodes"].split("\n")[1] == "/dev/vda 131072 25000 106072 20% /"
