"""Containers in cluster files, and their start scripts."""

import json
import subprocess
from pathlib import Path

import pytest
from charioteer.cluster import configuration, container_script, definition
from charioteer.errors import InputError
from charioteer.images.builder import Image
from charioteer.images.kernel import KernelBundle

CLUSTER = """
ssh_backdoor = true
[machines.client]
guest = "minimal"
[containers.web]
guest = "debian"
vlans = [3, 1]
"""


def loaded(folder: Path, text: str) -> definition.Cluster:
    (folder / "cluster.toml").write_text(text)
    (folder / "test.py").touch()
    return definition.load(folder)


def test_containers_have_network_identities_like_machines(tmp_path: Path) -> None:
    made = loaded(tmp_path, CLUSTER)
    assert [(each.name, each.guest.name) for each in made.containers] == [("web", "debian")]
    assert made.vlans == [1, 3] and made.ssh_backdoor
    assert made.identities["client"].number == 1 and made.identities["web"].ipv4(3) == "192.168.3.2"


def test_a_cluster_may_have_containers_only(tmp_path: Path) -> None:
    made = loaded(tmp_path, '[containers.web]\nguest = "debian"\n')
    assert not made.machines and len(made.containers) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[containers.web]\nguest = "minimal"', "one with systemd and a disk"),
        ('[containers.much-too-long]\nguest = "debian"', "at most 10 characters"),
        ('[containers.web]\nguest = "debian"\nmemory = 5', "memory"),
        (
            '[machines.a-b]\nguest = "debian"\n[containers.a_b]\nguest = "debian"',
            "a name of its own",
        ),
    ],
)
def test_invalid_definitions_are_rejected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match="containers") as failure:
        loaded(tmp_path, text)
    assert message in str(failure.value)


def test_the_configuration_has_the_addresses_of_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root := tmp_path / "root.raw").touch()
    (initrd := tmp_path / "initrd").touch()
    image = Image(KernelBundle(tmp_path), initrd, root)
    monkeypatch.setattr("charioteer.images.builder.obtain", lambda _guest: image)
    monkeypatch.setattr("charioteer.images.apt.require", lambda *_arguments: None)
    written = configuration.write(loaded(tmp_path, CLUSTER), tmp_path)
    assert json.loads(written.read_text())["container_addresses"] == {
        "1": {"52:54:00:12:01:02": "web"},
        "3": {"52:54:00:12:03:02": "web"},
    }


def test_the_start_script_is_shell_and_quotes_its_paths(tmp_path: Path) -> None:
    made = loaded(tmp_path, CLUSTER)
    image = Image(KernelBundle(tmp_path), tmp_path / "initrd", tmp_path / "it's an image")
    identities = made.identities
    text = container_script.make(
        made.containers[0], identities["web"], image, list(identities.values())
    )
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    for line in ("netns=nixos-nspawn-$name", "flock 9", "192.168.3.254/24", "2001:db8:1::2/64"):
        assert line in text, line
