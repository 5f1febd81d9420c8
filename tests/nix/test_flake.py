"""Both flakes, by `nix flake` and `nix eval`, with the stand-in as nixpkgs."""

import json

import pytest

from real_nix import ROOT, Nix

SYSTEMS = ["aarch64-linux", "x86_64-linux"]
SCRIPTS = ["cluster-headscale", "cluster-headscale-k3s", "ping", "reboot", "remote-unlock"]


def test_the_flake_has_all_outputs(nix: Nix) -> None:
    shown = json.loads(nix.flake("flake", "show", "--json", "--all-systems", "."))
    for output in ("apps", "checks", "devShells", "formatter", "packages"):
        assert sorted(shown[output]) == SYSTEMS
    for system in SYSTEMS:
        assert sorted(shown["packages"][system]) == ["charioteer", "default", "nixos-test-driver"]
        assert sorted(shown["apps"][system]) == ["demo", "repl"]
        assert sorted(shown["checks"][system]) == ["python", "unit", "vm"]
    assert sorted(shown["nixosModules"]) == [
        "cluster-primer",
        "cluster-primer-k3s",
        "cluster-worker",
        "cluster-worker-k3s",
    ]
    assert list(shown["overlays"]) == ["default"]


@pytest.mark.parametrize("flake", [".", "./tests"])
def test_flake_check_passes(nix: Nix, flake: str) -> None:
    nix.flake("flake", "check", "--no-build", "--all-systems", flake)


def test_the_flake_has_a_function_that_makes_tests(nix: Nix) -> None:
    made = """f: (f.mkTest (import ./tests/nix/nixpkgs { }) ./tests/nixos/ping.nix).name"""
    assert nix.flake("eval", "--raw", "--impure", ".#lib", "--apply", made) == "vm-test-run-ping"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_test_has_the_very_script_of_the_example(nix: Nix, name: str) -> None:
    script = nix.flake("eval", "--raw", f"./tests#{name}.config.testScriptString")
    assert script == (ROOT / "examples" / name / "test.py").read_text()


@pytest.mark.parametrize("name", ["cluster-headscale", "cluster-headscale-k3s"])
def test_the_cluster_has_four_nodes_of_their_sizes(nix: Nix, name: str) -> None:
    sizes = "ns: builtins.mapAttrs (_: n: with n.virtualisation; [ memorySize cores ]) ns"
    nodes = json.loads(nix.flake("eval", "--json", f"./tests#{name}.nodes", "--apply", sizes))
    worker = [2048, 1]
    assert nodes == {"primer": [4096, 2], "worker1": worker, "worker2": worker, "worker3": worker}


@pytest.mark.parametrize("name", SCRIPTS)
def test_driver_interactive_is_the_same_driver_at_a_prompt(nix: Nix, name: str) -> None:
    builds = [
        nix.flake("eval", "--raw", f"./tests#{name}.{driver}.buildCommand")
        for driver in ("driver", "driverInteractive")
    ]
    assert ["'--interactive'" in build for build in builds] == [False, True]
    assert all("--config " in build for build in builds)
