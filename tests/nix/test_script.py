"""The module type-checks and lints a test script before it runs."""

import os
import subprocess
from pathlib import Path

import pytest

from builder import BUILD, build
from real_nix import ROOT, Nix

MACHINES = {
    "cluster-headscale": ["primer", "worker1", "worker2", "worker3"],
    "cluster-headscale-k3s": ["primer", "worker1", "worker2", "worker3"],
    "ping": ["primer", "worker1", "worker2", "worker3"],
    "reboot": ["machine"],
    "remote-unlock": ["client", "server"],
}
RELEASES = ["24.05", "25.11", "26.05"]


@pytest.mark.parametrize("name", MACHINES)
def test_the_scripts_of_the_flake_pass(nix: Nix, tmp_path: Path, name: str) -> None:
    script = (ROOT / "examples" / name / "test.py").read_text()
    done = build(nix, tmp_path, script, machines=MACHINES[name])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("release", RELEASES)
def test_the_check_knows_every_name_of_the_driver(nix: Nix, tmp_path: Path, release: str) -> None:
    generate = BUILD / "bin/generate-driver-symbols"
    subprocess.run([generate], cwd=tmp_path, capture_output=True, check=True)
    names = (tmp_path / "driver-symbols").read_text().split(",")
    done = build(nix, tmp_path, "".join(f"print({name})\n" for name in names), release)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "script",
    [
        # The last are names that scripts of nixpkgs use for their own variables.
        """extra = create_machine("run", name="x", keep_vm_state=True)
extra.start()
create_machine({"qemuFlags": ""})
all_machines = [web]
for each in all_machines:
    each.start()
Callable = 1
Protocol = "udp"
Any = [Callable, Protocol]
print(Any)
""",
        "from typing import Any, Callable\n\nf: Callable[[], Any] = web.start\n",
    ],
)
def test_scripts_accepted_by_nixpkgs_are_accepted(
    nix: Nix, tmp_path: Path, release: str, script: str
) -> None:
    done = build(nix, tmp_path, script, release)
    assert done.returncode == 0, done.stdout


def test_scripts_accepted_before_26_05_are_accepted(nix: Nix, tmp_path: Path) -> None:
    script = """import time

from test_driver.machine import Machine as M

t = time.time()
debug = True
QemuMachine = "x"
print(time.time() - t, debug, QemuMachine)


def restart(machine: Machine) -> None:
    machine.reboot()


restart(web)
first: M = machines[0]
print(first)
machines[0].send_monitor_command("info status")
"""
    done = build(nix, tmp_path, script, "24.05")
    assert done.returncode == 0, done.stdout


def test_names_of_26_05_have_their_types(nix: Nix, tmp_path: Path) -> None:
    wrong = "t.assertEqual(1)\nmachines_qemu[0].succeed(1)\ndump_machine_ssh(1)\n"
    done = build(nix, tmp_path, wrong)
    assert done.returncode != 0 and "Found 3 errors" in done.stdout, done.stdout


def test_the_package_passes_the_type_check_of_nixpkgs(tmp_path: Path) -> None:
    """With the overlay nixpkgs itself checks the script."""
    declarations = (ROOT / "tests/golden/26.05/declarations").read_text()
    (tmp_path / "script").write_text(
        declarations
        + """
web: QemuMachine; box: NspawnMachine
vlan1: VLan
with subtest("all"):
    log.info(web.succeed("true") + box.succeed("true"))
    driver.machines_qemu.append(create_machine("run", name="x", keep_machine_state=True))
    debug.breakpoint()
    web.wait_for_unit("x")
    print(vlan1.nr, machines[0].name)
"""
    )
    done = subprocess.run(
        ["/usr/bin/mypy", "--no-implicit-optional", "--pretty", "--no-color-output", "script"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(BUILD / "python"),
            "MYPY_CACHE_DIR": str(tmp_path.parent / "mypy"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
