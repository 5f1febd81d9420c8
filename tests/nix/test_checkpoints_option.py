"""The option `charioteer.checkpoints` makes machines that QEMU can save, in every release."""

from typing import Any

import pytest

from real_nix import Nix

RELEASES = ["24.05", "24.11", "25.05", "25.11", "26.05", "26.11"]
TEST = """(charioteer.mkTest {{
    name = "x"; testScript = "";
    charioteer.checkpoints = {checkpoints};
    nodes.web = {{ }};
    nodes.db = {node};
    {more}
}})"""


def values(
    nix: Nix, release: str, checkpoints: str = "true", node: str = "{ }", more: str = ""
) -> list[Any]:
    """Of `db`: whether its store is an image and is writable, and the names of its shared folders."""
    test = TEST.format(checkpoints=checkpoints, node=node, more=more)
    machine = f"{test}.nodes.db.virtualisation"
    names = "builtins.attrNames sharedDirectories"
    found: list[Any] = nix.eval(
        f"with {machine}; [ useNixStoreImage writableStore ({names}) ]", release
    )
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_the_store_is_an_image_and_shares_that_cannot_be_saved_are_removed(
    nix: Nix, release: str
) -> None:
    shares = [] if release == "26.11" else ["shared"]
    assert values(nix, release) == [True, True, shares]


@pytest.mark.parametrize("release", RELEASES)
def test_without_it_machines_are_unchanged(nix: Nix, release: str) -> None:
    assert values(nix, release, "false") == [False, None, ["shared"]]


def test_a_store_on_the_disk_of_a_boot_loader_stays_there(nix: Nix) -> None:
    node = "{ virtualisation.useBootLoader = true; }"
    assert values(nix, "26.05", node=node) == [False, None, ["shared"]]


def test_a_machine_can_decide_otherwise(nix: Nix) -> None:
    node = "{ virtualisation.writableStore = false; }"
    assert values(nix, "26.05", node=node) == [True, False, ["shared"]]


def test_a_test_with_containers_is_accepted(nix: Nix) -> None:
    # Their options do not include those of machines.
    assert values(nix, "26.05", more="containers.box = { };") == [True, True, ["shared"]]
    test = TEST.format(checkpoints="true", node="{ }", more="containers.box = { };")
    assert nix.eval(f"{test}.config.containers.box.system.name") == "box"


def test_the_interactive_driver_has_the_same_machines(nix: Nix) -> None:
    test = TEST.format(checkpoints="true", node="{ }", more="")
    image = "config.interactive.nodes.db.virtualisation.useNixStoreImage"
    assert nix.eval(f"{test}.{image}") is True
