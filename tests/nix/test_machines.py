"""The cluster's NixOS machines: they work in a network without internet access."""

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from real_nix import ROOT, Nix

from support.patience import scaled

CLUSTER = "(charioteer.mkTest (import (root + /tests/nixos/cluster-headscale.nix) (root + /{})))"
UNIT = CLUSTER.format("machines/nixos/primer.nix")
POD = CLUSTER.format("machines/nixos/primer-k3s.nix")


@pytest.fixture(scope="module")
def pod(nix: Nix) -> Any:
    """The Deployment that k3s applies."""
    return nix.eval(f"{POD}.nodes.primer.services.k3s.manifests.headscale.content")


def headscale_settings(nix: Nix) -> Any:
    return nix.eval(f"{UNIT}.nodes.primer.services.headscale.settings")


def test_headscale_needs_no_internet(nix: Nix) -> None:
    settings = headscale_settings(nix)
    assert settings["derp"]["urls"] == [] and settings["derp"]["auto_update_enabled"] is False
    assert settings["derp"]["server"]["enabled"] is True
    assert settings["disable_check_updates"] is True and settings["logtail"]["enabled"] is False
    assert settings["dns"]["override_local_dns"] is False
    assert settings["dns"]["magic_dns"] is False


def test_headscale_listens_at_the_address_of_its_machine(nix: Nix) -> None:
    settings = headscale_settings(nix)
    assert settings["server_url"] == "http://192.168.1.1:8080"
    assert settings["derp"]["server"]["ipv4"] == "192.168.1.1"


def test_the_unit_becomes_active_when_headscale_answers(nix: Nix) -> None:
    unit = nix.eval(f"{UNIT}.nodes.primer.systemd.services.headscale")
    assert "/run/headscale/headscale.sock" in unit["postStart"]


@pytest.mark.parametrize("listens", [True, False])
def test_the_wait_for_headscale_ends_if_it_has_died(
    nix: Nix, tmp_path: Path, listens: bool
) -> None:
    wait = nix.eval(f"{UNIT}.nodes.primer.systemd.services.headscale.postStart")
    wait = wait.replace("/run/headscale", str(tmp_path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    with socket.socket(socket.AF_UNIX) as server:
        if listens:
            server.bind(f"{tmp_path}/headscale.sock")
        done = subprocess.run(
            ["bash", "-euc", wait], env={**os.environ, "MAINPID": str(dead.pid)}, timeout=scaled(20)
        )
    assert (done.returncode == 0) == listens


def test_the_limits_of_the_pod_are_shorter_than_those_of_the_script(nix: Nix) -> None:
    """So that the error names the problem of the pod."""
    unit = nix.eval(f"{POD}.nodes.primer.systemd.services.headscale")
    (appears,) = re.findall(r"SECONDS. -ge (\d+)", unit["preStart"].replace('"', "."))
    (ready,) = re.findall(r"--timeout=(\d+)s", unit["preStart"])
    assert int(appears) + int(ready) < unit["serviceConfig"]["TimeoutStartSec"] < 900


def test_nodes_use_only_their_own_control_server(nix: Nix) -> None:
    for machine in ("primer", "worker1"):
        node = f"{UNIT}.nodes.{machine}"
        environment = nix.eval(f"{node}.systemd.services.tailscaled.environment")
        assert environment["TS_NO_LOGS_NO_SUPPORT"] == "true"
        assert environment["TS_PANIC_IF_HIT_MAIN_CONTROL"] == "1"
        assert nix.eval(f"{node}.services.tailscale.enable") is True


def test_every_image_of_the_pod_comes_from_the_store(nix: Nix, pod: Any) -> None:
    k3s = f"{POD}.nodes.primer.services.k3s"
    imported = nix.eval(f"map (i: i.name + {':'!r} + i.tag) {k3s}.images".replace("'", '"'))
    spec = pod["spec"]["template"]["spec"]
    used = [container["image"] for container in spec["containers"]]
    (pause,) = (
        flag.partition("=")[2]
        for flag in nix.eval(f"{k3s}.extraFlags")
        if flag.startswith("--pause-image=")
    )
    tests_own = "charioteer.local/busybox:1"
    assert sorted(f"charioteer.local/{name}" for name in imported) == sorted(
        [*used, pause, tests_own]
    )
    assert {container["imagePullPolicy"] for container in spec["containers"]} == {"Never"}


def test_the_pod_is_reached_as_the_unit_is(nix: Nix, pod: Any) -> None:
    spec = pod["spec"]["template"]["spec"]
    assert spec["hostNetwork"] is True
    assert spec["containers"][0]["readinessProbe"]["httpGet"]["port"] == 8080
    packages = nix.eval(f"map (p: p.name) {POD}.nodes.primer.environment.systemPackages")
    assert "headscale" in packages


def test_a_pod_that_does_not_become_ready_is_reported(nix: Nix) -> None:
    unit = nix.eval(f"{POD}.nodes.primer.systemd.services.headscale")
    for question in ("describe pods", "get events", "logs deployment/headscale"):
        assert question in unit["preStart"]
    assert unit["requires"] == ["k3s.service"]


def test_workers_join_when_a_script_has_configured_them(nix: Nix) -> None:
    made = "(charioteer.mkTest (import (root + /tests/nixos/cluster-headscale-k3s.nix)))"
    worker = f"{made}.nodes.worker1"
    unit = nix.eval(f"{worker}.systemd.services.k3s")
    assert unit["aliases"] == ["k3s-agent.service"]
    assert nix.eval(f"{worker}.services.k3s.role") == "agent"
    configuration = nix.eval(f"{worker}.services.k3s.configPath")
    assert unit["unitConfig"]["ConditionPathExists"] == configuration
    script = (ROOT / "examples/cluster-headscale-k3s/test.py").read_text()
    assert f'CONFIGURATION = "{configuration}"' in script


def test_scripts_ask_for_keys_by_the_number_of_the_user() -> None:
    script = (ROOT / "examples/cluster-headscale/test.py").read_text()
    assert "preauthkeys create --user {user['id']}" in script
