"""The stand-in rejects what nixpkgs does not have; otherwise these tests would prove nothing."""

import pytest

from real_nix import Nix

TEST = '(charioteer.mkTest {{ name = "x"; testScript = ""; {} }}).drvPath'


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("pkgs.headscales.name", "attribute 'headscales' missing"),
        ("pkgs.python3.pkgs.ptpythons.name", "attribute 'ptpythons' missing"),
        ("pkgs.lib.optionalStrings", "attribute 'optionalStrings' missing"),
        ("(pkgs.callPackage ({ no-such-package }: { }) { })", "nothing is called no-such-package"),
        (
            '(pkgs.stdenv.mkDerivation { name = "x"; nativeBuildInput = [ ]; }).drvPath',
            "no attribute nativeBuildInput is documented",
        ),
        (TEST.format("skipLints = true;"), "The option `skipLints' does not exist"),
        (
            TEST.format("charioteer.checkpoint = true;"),
            "The option `charioteer.checkpoint' does not exist",
        ),
        (TEST.format('skipLint = "yes";'), "option `skipLint' is not of type `bool'"),
        (
            TEST.format("nodes.a.services.headscale.enabled = true;"),
            "The option `services.headscale.enabled' does not exist",
        ),
        (
            TEST.format(
                "nodes.a = { lib, ... }: { services.ollama = lib.mkIf false { x = 1; }; };"
            ),
            "The option `services.ollama' does not exist",
        ),
        (
            TEST.format('nodes.a.services.headscale.port = "8080";'),
            "option `services.headscale.port' is not of type `int'",
        ),
    ],
)
def test_unknown_names_are_rejected(nix: Nix, expression: str, error: str) -> None:
    assert error in nix.error_of(expression)


def test_old_releases_have_neither_the_package_nor_the_file(nix: Nix) -> None:
    assert "'nixos-test-driver' missing" in nix.error_of("pkgs.nixos-test-driver.name", "25.11")
    test = TEST.format('logLevel = "debug";')
    assert "The option `logLevel' does not exist" in nix.error_of(test, "25.11")
    nix.eval(test)


def test_releases_differ(nix: Nix) -> None:
    made = '(pkgs.testers.runNixOSTest { name = "x"; testScript = ""; })'
    has = f"[ ({made} ? extend) (pkgs ? nixfmt-tree) (pkgs ? vhost-device-vsock) ]"
    known = ["24.05", "24.11", "25.05", "25.11", "26.05", "26.11"]
    assert [sum(nix.eval(has, release)) for release in known] == [0, 0, 1, 2, 3, 3]
    assert "unknown release 23.11" in nix.error_of("pkgs.nixfmt-tree.name", "23.11")


def test_priorities_decide(nix: Nix) -> None:
    test = """(pkgs.testers.runNixOSTest {
        name = "x"; testScript = "";
        nodes.a = { lib, ... }: { imports = [
            { virtualisation.cores = lib.mkDefault 2; virtualisation.memorySize = 1; }
            { virtualisation.cores = 3; virtualisation.memorySize = lib.mkForce 2; }
        ]; };
    }).nodes.a.virtualisation"""
    values = nix.eval(f"with {test}; [ cores memorySize ]")
    assert values == [3, 2]
    assert "conflicting" in nix.error_of(
        TEST.format(
            "nodes.a.imports = [ { virtualisation.cores = 1; } { virtualisation.cores = 2; } ];"
        )
    )
