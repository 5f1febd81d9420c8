"""The shell in the Nix files: the builder of a test's driver runs, with the real driver and tools."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from real_nix import ROOT, Nix

BUILD = ROOT / "build/release"
CLUSTER = "import (root + /tests/nixos/cluster-headscale.nix) (root + /machines/nixos/{}.nix)"
POD_UNIT = f"(charioteer.mkTest ({CLUSTER.format('primer-k3s')})).nodes.primer.systemd.services"
UNIT = f"(charioteer.mkTest ({CLUSTER.format('primer')})).nodes.primer.systemd.services"
TEST = """(charioteer.mkTest {{
    name = "x"; nodes.web = {{ }}; testScript = ''{}'';
    extraDriverArgs = [ "--junit-xml=a b.xml" ];
}})"""


@pytest.mark.parametrize(
    "text",
    [
        "charioteer.package.installPhase",
        "charioteer.package.unwrapped.checkPhase",
        "charioteer.package.unwrapped.postPatch",
        "charioteer.package.unwrapped.tests.python.buildCommand",
        f"{POD_UNIT}.headscale.preStart",
        f"{POD_UNIT}.headscale.script",
        f"{UNIT}.headscale.postStart",
    ],
)
def test_it_is_shell(nix: Nix, text: str) -> None:
    script = nix.eval(text)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert script and done.returncode == 0, done.stderr


def build(nix: Nix, folder: Path, script: str, release: str) -> subprocess.CompletedProcess[str]:
    """Runs the builder of a test's driver; `makeWrapper` writes its arguments into a file."""
    made = TEST.format(script)
    command = nix.eval(f"{made}.driver.buildCommand", release)
    # The tools that the stand-in only names.
    for pattern, real in (
        (
            r"\S+-nixos-test-driver-0\.1\.0/bin/generate-driver-symbols",
            f"{BUILD}/bin/generate-driver-symbols",
        ),
        (r"\S+-pyflakes/bin/pyflakes", "/usr/bin/pyflakes3"),
        (r"\S+-script_names\.py", f"{ROOT}/nix/script_names.py"),
    ):
        command = re.sub(pattern, real, command)
    (folder / "given").write_text(nix.eval(f"{made}.config.testScriptString", release))
    return subprocess.run(
        ["bash", "-euc", "makeWrapper() { printf '%s\\n' \"$@\" >arguments; }\n" + command],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(BUILD / "python"),
            "MYPY_CACHE_DIR": str(folder.parent / "mypy"),
            "HOME": os.environ["HOME"],
            "testScriptPath": str(folder / "given"),
            "out": str(folder / "out"),
        },
        capture_output=True,
        text=True,
    )


def test_a_test_of_a_new_release_is_built(nix: Nix, tmp_path: Path) -> None:
    done = build(nix, tmp_path, 'web.succeed("true")', "26.05")
    assert done.returncode == 0, done.stdout + done.stderr
    program, wrapper, *arguments = (tmp_path / "arguments").read_text().splitlines()
    assert program.endswith("-nixos-test-driver-0.1.0/bin/nixos-test-driver")
    assert wrapper == f"{tmp_path}/out/bin/nixos-test-driver"
    assert arguments[0::2] == ["--add-flags"] * 3
    assert re.fullmatch(r"--config /nix/store/\S+-driverConfiguration\.json", arguments[1])
    assert arguments[3::2] == ["--log-level info", "--junit-xml=a b.xml"]
    assert (tmp_path / "out/test-script").read_text() == 'web.succeed("true")'


def test_a_test_of_an_old_release_is_built(nix: Nix, tmp_path: Path) -> None:
    done = build(nix, tmp_path, 'machine.succeed("true"); vlan1.nr', "25.11")
    assert done.returncode == 0, done.stdout + done.stderr
    arguments = (tmp_path / "arguments").read_text().splitlines()[2:]
    assert arguments[:2] == ["--set", "startScripts"]
    assert re.fullmatch(r"/nix/store/\S+-nixos-vm/bin/run-\*-vm", arguments[2])
    assert arguments[3:] == [
        *("--set", "testScript", f"{tmp_path}/out/test-script"),
        *("--set", "globalTimeout", "3600"),
        *("--set", "vlans", "1"),
        *("--add-flags", "--junit-xml=a b.xml"),
    ]


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("web.succeed(1)", "Argument 1 to"),
        ("web.succeeds('true')", "has no attribute"),
        ("import json", "imported but unused"),
    ],
)
def test_a_script_that_cannot_be_right_is_not_built(
    nix: Nix, tmp_path: Path, script: str, complaint: str
) -> None:
    done = build(nix, tmp_path, script, "26.05")
    assert done.returncode != 0 and complaint in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "arguments").exists()
