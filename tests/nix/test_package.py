"""The overlay and the module replace the driver of nixpkgs by the package."""

import shutil
import subprocess
from pathlib import Path

import pytest
from charioteer import __version__

from real_nix import ROOT, Nix

OVERLAID = "(pkgsWith [ charioteer.overlay ])"
ARGUMENTS = (
    "{ enableOCR = true; enableNspawn = true; qemu_pkg = pkgs.qemu; "
    "extraPythonPackages = p: [ p.requests ]; }"
)
OLD, NEW = "25.11", "26.05"


def test_the_overlay_replaces_the_driver(nix: Nix) -> None:
    name = f"{OVERLAID}.nixos-test-driver.name"
    expected = f"nixos-test-driver-{__version__}"
    assert nix.eval(name) == nix.eval("charioteer.package.name") == expected
    assert nix.eval("pkgs.nixos-test-driver.name") == "nixos-test-driver"


def test_the_drivers_of_nixpkgs_use_the_overlay(nix: Nix) -> None:
    made = f"({OVERLAID}.testers.runNixOSTest (root + /tests/nixos/ping.nix)).driver.buildCommand"
    package = f"{OVERLAID}.nixos-test-driver.outPath"
    assert nix.eval(package) in nix.eval(made)


def test_options_of_a_test_change_the_package(nix: Nix) -> None:
    plain = nix.eval("charioteer.package.installPhase")
    chosen = nix.eval(f"(charioteer.package.override {ARGUMENTS}).installPhase")
    for text in ("TESSDATA_PREFIX", "requests", "-systemd/bin", "-util-linux/bin", "-netpbm/bin"):
        assert text not in plain and text in chosen
    assert "-qemu_test/bin" in plain and "-qemu/bin" in chosen


def test_options_of_a_test_recompile_nothing(nix: Nix) -> None:
    compiled = nix.eval("charioteer.package.unwrapped.drvPath")
    chosen = f"(charioteer.package.override {ARGUMENTS}).unwrapped.drvPath"
    assert nix.eval(chosen) == compiled


def test_the_check_phase_has_language_data_and_programs(nix: Nix) -> None:
    unwrapped = "charioteer.package.unwrapped"
    language = nix.eval(f"{unwrapped}.language.outPath")
    assert f" TESSDATA_PREFIX={language}\n" in nix.eval(f"{unwrapped}.preCheck")
    assert "runHook preCheck" in nix.eval(f"{unwrapped}.checkPhase")
    inputs = nix.eval(f"map (input: input.name) {unwrapped}.nativeCheckInputs")
    assert inputs == ["procps", "util-linux"]
    with_ocr = nix.eval("(charioteer.package.override { enableOCR = true; }).installPhase")
    assert f"--set-default TESSDATA_PREFIX {language}" in with_ocr


def test_editing_python_machines_or_examples_recompiles_nothing(nix: Nix, tmp_path: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        if name.startswith("docs/") or not (ROOT / name).is_file():
            continue
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)

    def paths() -> list[str]:
        package = f"(import {tmp_path} {{ inherit pkgs; }}).package"
        both: list[str] = nix.eval(f"map (p: p.drvPath) [ {package}.unwrapped {package} ]")
        return both

    def edited(name: str) -> list[str]:
        with (tmp_path / name).open("a") as file:
            file.write("\n")
        return paths()

    compiled, package = paths()
    for name in ("machines/nixos/worker.nix", "examples/ping/test.py", "python/test_driver/cli.py"):
        again, other = edited(name)
        assert again == compiled and other != package
        package = other
    assert edited("tests/python/test_driver/log_lines.py") == [compiled, package]
    assert edited("driver/CMakeLists.txt")[0] != compiled


@pytest.mark.parametrize("release", [OLD, NEW])
def test_the_driver_does_not_need_upstreams_programs(nix: Nix, release: str) -> None:
    phase = nix.eval("charioteer.package.installPhase", release)
    for program in ("socat", "vde2", "netpbm", "imagemagick"):
        assert program not in phase
    assert ("vhost-device-vsock" in phase) == (release == NEW)


def test_an_argument_that_upstream_does_not_have_is_refused(nix: Nix) -> None:
    message = nix.error_of("(charioteer.package.override { enableEverything = true; }).name")
    assert "unexpected argument 'enableEverything'" in message


def test_the_agent_is_built_for_both_architectures(nix: Nix) -> None:
    flags = nix.eval("toString charioteer.package.unwrapped.cmakeFlags")
    assert "bin/aarch64-unknown-linux-gnu-g++" in flags
    assert "OTHER_CXX" not in nix.eval(
        "toString (charioteer.package.unwrapped.override { otherCompiler = null; }).cmakeFlags"
    )


def test_new_releases_configure_a_test_by_a_file(nix: Nix) -> None:
    build = nix.eval("(charioteer.mkTest (root + /tests/nixos/ping.nix)).driver.buildCommand")
    assert "'--config /nix/store/" in build and "'--log-level info'" in build
    assert "startScripts" not in build


def test_old_releases_configure_a_test_by_variables(nix: Nix) -> None:
    build = nix.eval("(charioteer.mkTest (root + /tests/nixos/ping.nix)).driver.buildCommand", OLD)
    assert build.count("/bin/run-*-vm") == 4
    for setting in (
        '--set startScripts "$(echo ',
        '--set testScript "$out/test-script"',
        "--set globalTimeout 300",
        "--set vlans '1'",
    ):
        assert setting in build
    assert "--config" not in build and "--log-level" not in build


@pytest.mark.parametrize("release", [OLD, NEW])
def test_later_overlays_can_change_the_package(nix: Nix, release: str) -> None:
    changed = """(pkgsWith [
        charioteer.overlay
        (_: prev: {
          nixos-test-driver = prev.nixos-test-driver.override {
            unwrapped = prev.nixos-test-driver.unwrapped.override { otherCompiler = null; };
          };
        })
    ])"""
    made = f"((import root {{ pkgs = {changed}; }}).mkTest (root + /tests/nixos/ping.nix))"
    package = nix.eval(f"{changed}.nixos-test-driver.outPath", release)
    assert package != nix.eval(f"{OVERLAID}.nixos-test-driver.outPath", release)
    assert package in nix.eval(f"{made}.driver.buildCommand", release)


@pytest.mark.parametrize("release", ["24.05", "24.11", "25.05"])
def test_before_25_11_an_existing_test_cannot_be_changed(nix: Nix, release: str) -> None:
    made = "(pkgs.testers.runNixOSTest (root + /tests/nixos/ping.nix))"
    message = nix.error_of(f"(charioteer.onCharioteer {made}).name", release)
    assert "`imports = [ testModule ];`" in message
    imports = "[ (root + /tests/nixos/ping.nix) charioteer.testModule ]"
    moved = f"(pkgs.testers.runNixOSTest {{ imports = {imports}; }})"
    assert nix.eval(f"{moved}.driver.name", release) == "nixos-test-driver-ping"
    assert nix.eval("(charioteer.mkTest (root + /tests/nixos/ping.nix)).driver.name", release)


@pytest.mark.parametrize("release", [OLD, NEW])
def test_the_module_replaces_the_driver_of_an_existing_test(nix: Nix, release: str) -> None:
    made = "(pkgs.testers.runNixOSTest (root + /tests/nixos/ping.nix))"
    assert nix.eval(f"{made}.driver.name", release) == "nixos-test-driver-of-nixpkgs"
    moved = f"(charioteer.onCharioteer {made})"
    assert nix.eval(f"{moved}.driver.name", release) == "nixos-test-driver-ping"
    interactive = nix.eval(f"{moved}.driverInteractive.buildCommand", release)
    assert "'--add-flags' '--interactive'" in interactive
    # The test's derivation runs it, too.
    assert nix.eval(f"{moved}.driver.outPath", release) in nix.eval(
        f"{moved}.buildCommand", release
    )


@pytest.mark.parametrize("release", [OLD, NEW])
def test_options_of_a_test_reach_the_driver(nix: Nix, release: str) -> None:
    test = """{
        name = "options";
        nodes."my-server" = { };
        testScript = { nodes, ... }: "assert 'an apostrophe'";
        extraDriverArgs = [ "--junit-xml=it's.xml" ];
        enableOCR = true;
        %s
    }"""
    build = nix.eval(f"(charioteer.mkTest ({test % ''})).driver.buildCommand", release)
    assert "'--junit-xml=it'\\''s.xml'" in build
    # The only machine is called `machine` too, and names become identifiers.
    kind = "Machine" if release == OLD else "QemuMachine"
    assert f"my_server: {kind}\nmachine: {kind}\nvlan1: _VLan\n" in build
    assert "PYFLAKES_BUILTINS='my_server,machine,vlan1',$(cat driver-symbols)" in build
    assert "mypy --no-implicit-optional" in build
    skips = "skipLint = true; skipTypeCheck = true;"
    build = nix.eval(f"(charioteer.mkTest ({test % skips})).driver.buildCommand", release)
    assert "pyflakes" not in build and "mypy" not in build
