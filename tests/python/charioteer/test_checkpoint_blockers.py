"""Devices that keep QEMU from saving a machine, and what to set instead."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import pytest
from charioteer import _core as core
from charioteer.testing.checkpoints import blockers, shares


class Handle:
    """Answers the QMP commands as a machine with these devices, blockers and TPMs."""

    def __init__(
        self,
        devices: Mapping[str, str] = MappingProxyType({}),
        reasons: tuple[str, ...] = (),
        tpms: int = 0,
    ) -> None:
        """`devices`: the types by the tag that the device has, if any."""
        self._devices = devices
        self._reasons = reasons
        self._tpms = tpms

    def qmp(self, command: str, arguments: str = "{}") -> str:
        return json.dumps({"return": self._answer(command, json.loads(arguments))})

    def _answer(self, command: str, arguments: dict[str, str]) -> object:
        if command == "query-tpm":
            return [{"id": "tpm0"}] * self._tpms
        if command == "query-migrate":
            return {"blocked-reasons": list(self._reasons)} if self._reasons else {}
        if command == "qom-get":
            assert arguments["property"] == "tag"
            return arguments["path"].rpartition("/")[2]
        assert command == "qom-list"
        if not arguments["path"].endswith("-anon"):
            return [{"name": "type", "type": "string"}]
        return [{"name": tag, "type": f"child<{kind}>"} for tag, kind in self._devices.items()]


def found(handle: Handle, mounted: frozenset[str] = shares.TAGS) -> str | None:
    return blockers.find(cast(core.Machine, handle), mounted)


def mounted_share(tag: str, path: str = "/tmp/it's") -> str:
    """QEMU's blocker for a share by 9p that the guest has mounted."""
    return (
        f"Migration is disabled when VirtFS export path '{path}' is mounted in the guest "
        f"using mount_tag '{tag}'"
    )


def test_a_machine_without_blockers() -> None:
    assert found(Handle({"a": "virtio-9p-pci", "b": "virtio-net-pci"})) is None


def test_the_shares_of_the_driver_block_unless_they_will_be_unmounted() -> None:
    handle = Handle(reasons=(mounted_share("shared"), mounted_share("xchg")))
    assert found(handle) is None
    assert "the tag 'shared'" in str(found(handle, frozenset()))


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_store_by_9p_is_found_among_the_shares_of_the_driver(position: int) -> None:
    reasons = [mounted_share("shared"), mounted_share("xchg")]
    reasons.insert(position, mounted_share("nix-store", "/nix/store"))
    reason = str(found(Handle(reasons=tuple(reasons))))
    assert reason == (
        "its Nix store is mounted by 9p; "
        "put it into an image (virtualisation.useNixStoreImage = true)"
    )


def test_another_share_by_9p() -> None:
    reason = str(found(Handle(reasons=(mounted_share("certs"),))))
    assert "the tag 'certs'" in reason and "virtualisation.sharedDirectories" in reason


def test_a_blocker_of_another_kind_is_quoted() -> None:
    reason = str(found(Handle(reasons=("The nvme device cannot be migrated.",))))
    assert reason.startswith("The nvme device cannot be migrated; remove the device")


def test_folders_by_virtiofs() -> None:
    kind = "vhost-user-fs-pci"
    reason = str(found(Handle({"nix-store": kind, "shared": kind, "xchg": kind})))
    assert "virtiofs (nix-store, shared, xchg)" in reason
    assert "useNixStoreImage = true" in reason and "lib.mkForce { }" in reason
    # Those of the driver block, too.
    reason = str(found(Handle({"shared": kind})))
    assert "virtiofs (shared)" in reason and "useNixStoreImage" not in reason
    assert "lib.mkForce" not in str(found(Handle({"nix-store": kind})))


@pytest.mark.parametrize("handle, words", [
    (Handle({"a": "vhost-user-vsock-pci"}), "sshBackdoor.enable = false"),
    (Handle({"a": "vhost-user-gpu-pci"}), "the device vhost-user-gpu-pci"),
    (Handle(tpms=1), "virtualisation.tpm.enable = false"),
])  # fmt: skip
def test_other_devices_whose_state_is_elsewhere(handle: Handle, words: str) -> None:
    assert words in str(found(handle))
