"""What the module does to a test script: it is type-checked and linted before it runs."""

import os
import subprocess
from pathlib import Path

import pytest

from real_nix import ROOT

PACKAGES = ROOT / "build/release/python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGES)}
MACHINES = {
    "cluster-headscale": ["primer", "worker1", "worker2", "worker3"],
    "ping": ["primer", "worker1", "worker2", "worker3"],
    "reboot": ["machine"],
    "remote-unlock": ["client", "server"],
}


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `generate-driver-symbols` writes."""
    folder = tmp_path_factory.mktemp("symbols")
    subprocess.run(
        [ROOT / "build/release/bin/generate-driver-symbols"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return (folder / "driver-symbols").read_text()


def check_types(folder: Path, script: str, machines: list[str]) -> subprocess.CompletedProcess[str]:
    """As test-module.nix does."""
    names = (ROOT / "nix/script_names.py").read_text()
    annotations = "".join(f"{name}: QemuMachine\n" for name in machines) + "vlan1: VLan\n"
    (folder / "script").write_text(names + annotations + script)
    command = ["/usr/bin/mypy", "--no-implicit-optional", "--pretty", "--no-color-output"]
    # What it found out about the packages serves the next test.
    command += [f"--cache-dir={folder.parent}/mypy", "script"]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.parametrize("name", MACHINES)
def test_the_scripts_of_the_flake_pass_the_type_check(tmp_path: Path, name: str) -> None:
    script = (ROOT / "examples" / name / "test.py").read_text()
    done = check_types(tmp_path, script, MACHINES[name])
    assert done.returncode == 0, done.stdout


def test_the_type_check_finds_a_wrong_argument(tmp_path: Path) -> None:
    done = check_types(tmp_path, "machine.succeed(1)\n", ["machine"])
    assert done.returncode == 1
    assert 'incompatible type "int"' in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", MACHINES)
def test_the_scripts_of_the_flake_pass_the_lint(name: str, symbols: str) -> None:
    builtins = ",".join([*MACHINES[name], symbols])
    done = subprocess.run(
        ["/usr/bin/pyflakes3", ROOT / "examples" / name / "test.py"],
        env={**os.environ, "PYFLAKES_BUILTINS": builtins},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_type_check_knows_every_name_of_the_driver(tmp_path: Path, symbols: str) -> None:
    script = "".join(f"print({name})\n" for name in symbols.split(","))
    done = check_types(tmp_path, script, ["web"])
    assert done.returncode == 0, done.stdout
