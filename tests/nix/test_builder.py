"""The shell code in the Nix files: builders run with the real driver and tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from charioteer import __version__

from builder import BUILD, build
from real_nix import ROOT, Nix

CLUSTER = "import (root + /tests/nixos/cluster-headscale.nix) (root + /machines/nixos/{}.nix)"
POD_UNIT = f"(charioteer.mkTest ({CLUSTER.format('primer-k3s')})).nodes.primer.systemd.services"
UNIT = f"(charioteer.mkTest ({CLUSTER.format('primer')})).nodes.primer.systemd.services"


@pytest.mark.parametrize(
    "text",
    [
        "charioteer.package.installPhase",
        "charioteer.package.installCheckPhase",
        "charioteer.package.unwrapped.checkPhase",
        "charioteer.package.unwrapped.postPatch",
        "charioteer.package.tests.python.buildCommand",
        f"{POD_UNIT}.headscale.preStart",
        f"{POD_UNIT}.headscale.script",
        f"{UNIT}.headscale.postStart",
    ],
)
def test_the_builder_is_valid_shell(nix: Nix, text: str) -> None:
    script = nix.eval(text)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert script and done.returncode == 0, done.stderr


def test_the_package_is_installed_from_the_compiled_core(nix: Nix, tmp_path: Path) -> None:
    """The programs find the packages, machines and examples."""
    compiled, out = tmp_path / "compiled", tmp_path / "out"
    install = ["cmake", "--install", str(BUILD), "--prefix", str(compiled)]
    subprocess.run(install, stdout=subprocess.DEVNULL, check=True)
    # As if built from the sources that nix/unwrapped.nix selects.
    shutil.rmtree(compiled / "share")
    for module in compiled.glob("lib/**/*.py*"):
        module.unlink()
    site = nix.eval("pkgs.python3.sitePackages")
    (compiled / site).parent.mkdir(parents=True, exist_ok=True)
    (compiled / "lib/charioteer/python").rename(compiled / site)
    for program in (compiled / "bin").iterdir():
        text = program.read_text()
        program.write_text(text.replace("../lib/charioteer/python", f"../{site}"))
    phases = "\n".join(
        nix.eval(f"charioteer.package.{phase}") for phase in ("installPhase", "installCheckPhase")
    )
    sources = {
        nix.eval("charioteer.package.unwrapped.outPath"): compiled,
        nix.eval("charioteer.package.notCompiled"): tmp_path / "source",
        nix.eval("pkgs.python3.interpreter"): Path("/usr/bin/python3"),
    }
    for path, real in sources.items():
        assert path in phases
        phases = phases.replace(path, str(real))
    for folder in ("machines", "examples", "python/charioteer", "python/test_driver"):
        shutil.copytree(ROOT / folder, tmp_path / "source" / folder)
    wrap = 'makeWrapper() { printf \'#!/bin/sh\\nexec "%s" "$@"\\n\' "$1" >"$2"; chmod +x "$2"; }\n'
    done = subprocess.run(
        ["bash", "-euc", "runHook() { :; }\n" + wrap + phases],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "out": str(out)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([out / "bin/charioteer", "list"], capture_output=True, text=True)
    assert shown.returncode == 0 and "  ping " in shown.stdout, shown.stderr


def test_a_test_of_a_new_release_is_built(nix: Nix, tmp_path: Path) -> None:
    done = build(nix, tmp_path, 'web.succeed("true")', "26.05")
    assert done.returncode == 0, done.stdout + done.stderr
    program, wrapper, *arguments = (tmp_path / "arguments").read_text().splitlines()
    assert program.endswith(f"-nixos-test-driver-{__version__}/bin/nixos-test-driver")
    assert wrapper == f"{tmp_path}/out/bin/nixos-test-driver"
    assert arguments[0::2] == ["--add-flags"] * 3
    assert re.fullmatch(r"--config /nix/store/\S+-driverConfiguration\.json", arguments[1])
    assert arguments[3::2] == ["--log-level info", "--junit-xml=a b.xml"]
    assert (tmp_path / "out/test-script").read_text() == 'web.succeed("true")'


def test_a_test_of_an_old_release_is_built(nix: Nix, tmp_path: Path) -> None:
    script = 'web.succeed("true"); db.succeed("true"); vlan1.nr'
    done = build(nix, tmp_path, script, "25.11", machines=("db", "web"))
    assert done.returncode == 0, done.stdout + done.stderr
    arguments = (tmp_path / "arguments").read_text().splitlines()[2:]
    assert arguments[:2] == ["--set", "startScripts"]
    # The shell expands the patterns, and the wrapper gets both paths in one argument.
    store = tmp_path / "store"
    paths = [str(store / f"{name}-nixos-vm/bin/run-{name}-vm") for name in ("db", "web")]
    assert arguments[2] == " ".join(paths)
    assert arguments[3:] == [
        *("--set", "testScript", f"{tmp_path}/out/test-script"),
        *("--set", "globalTimeout", "3600"),
        *("--set", "vlans", "1"),
        *("--add-flags", "--junit-xml=a b.xml"),
    ]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("web.succeed(1)", "Argument 1 to"),
        ("web.succeeds('true')", "has no attribute"),
        ("import json", "imported but unused"),
    ],
)
def test_a_script_with_errors_is_not_built(
    nix: Nix, tmp_path: Path, script: str, error: str
) -> None:
    done = build(nix, tmp_path, script, "26.05")
    assert done.returncode != 0 and error in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "arguments").exists()
