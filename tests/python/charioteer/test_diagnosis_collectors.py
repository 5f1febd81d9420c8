"""The collectors of guests, with programs of this test in place of those that they ask."""

import subprocess
from pathlib import Path

import pytest
from charioteer import paths
from charioteer.testing.diagnosis import collectors

from support.diagnosed import answer, case, request, texts

NODES = """\
ID | Hostname | Name    | MachineKey | NodeKey | User | IP addresses | Ephemeral | Connected | Expired
1  | worker1  | worker1 | [abc]      | [def]   | lab  | 100.64.0.1   | false     | online    | no
2  | worker2  | worker2 | [ghi]      | [jkl]   | lab  | 100.64.0.2   | false     | offline   | no
"""
HEALTH = """\
100.64.0.1  worker1  lab  linux  -

# Health check:
#     - Tailscale can't reach the configured "DNS" servers.
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for programs that a collector finds first."""
    program(tmp_path, "systemctl", "", 0)
    program(tmp_path, "timeout", 'shift; exec "$@"', 0, is_text=False)
    return tmp_path


def program(folder: Path, name: str, text: str, status: int, is_text: bool = True) -> None:
    """Writes a program that prints `text`, or runs it as shell commands."""
    body = f"cat <<'END'\n{text}END\nexit {status}\n" if is_text else text
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def found(programs: Path, guest: str, collector: str) -> list[str]:
    file = paths.machines() / guest / "files" / f"diagnose-{collector}"
    path = f"{programs}:/usr/bin:/bin"
    done = subprocess.run(["sh", file], env={"PATH": path}, capture_output=True, text=True)
    assert done.stderr == ""
    given = answer()
    given.sections[f"collector {collector}"] = done.stdout
    return texts(collectors.findings(case(request(), given)))


def test_tailscale_with_a_warning(programs: Path) -> None:
    program(programs, "tailscale", HEALTH, 0)
    assert found(programs, "worker", "tailscale") == [
        'Tailscale reports: Tailscale can\'t reach the configured "DNS" servers.'
    ]


def test_tailscale_that_is_logged_out(programs: Path) -> None:
    program(programs, "tailscale", "Logged out.\nLog in at: \\https://x\n", 1)
    assert found(programs, "worker", "tailscale") == ["Tailscale is not connected: Logged out."]


def test_headscale_with_a_node_that_is_offline(programs: Path) -> None:
    program(programs, "headscale", NODES, 0)
    assert found(programs, "primer", "headscale") == ["the node worker2 is offline for Headscale"]


def test_headscale_without_an_answer(programs: Path) -> None:
    program(programs, "headscale", 'Error: "/run/headscale.sock": no such file\n', 1)
    assert found(programs, "primer", "headscale") == [
        'Headscale does not list its nodes: Error: "/run/headscale.sock": no such file'
    ]


@pytest.mark.parametrize(("guest", "name"), [("worker", "tailscale"), ("primer", "headscale")])
def test_a_service_that_does_not_run(programs: Path, guest: str, name: str) -> None:
    program(programs, "systemctl", "", 3)
    assert found(programs, guest, name) == []
