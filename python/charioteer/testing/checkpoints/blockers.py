"""What keeps QEMU from saving a machine, found without changing the machine.

Each reason names the device, and what to set instead in a test of NixOS.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from charioteer import _core as core

# Of QEMU's hw/9pfs/9p.c, for each share that the guest has mounted.
_SHARE = re.compile(r"VirtFS export path '.*' is mounted in the guest using mount_tag '(.*)'")
# Of charioteer.hosts.relay, in place of QEMU.
_FAR = re.compile(r"^Charioteer: (it runs on the host .*)$")
_DEVICES = ("/machine/peripheral", "/machine/peripheral-anon")
_NO_SHARES = "remove the shared folders (virtualisation.sharedDirectories = lib.mkForce { })"
_STORE_IMAGE = "put it into an image (virtualisation.useNixStoreImage = true)"
_UNMOUNT = "unmount it, or remove it from virtualisation.sharedDirectories"
_NO_TPM = "remove it (virtualisation.tpm.enable = false) while you work on the script"
_NO_BACKDOOR = "turn the SSH backdoor off (sshBackdoor.enable = false)"


def ask(handle: core.Machine, command: str, **arguments: str) -> Any:
    """The value of QEMU's reply."""
    return json.loads(handle.qmp(command, json.dumps(arguments)))["return"]


def find(handle: core.Machine, mounted: frozenset[str]) -> str | None:
    """Why QEMU cannot save the machine, or None.

    `mounted` are the tags of shares by 9p that may still be mounted, because they are unmounted before
    the machine is saved.
    """
    if ask(handle, "query-tpm"):
        return f"it has a TPM, whose state another process keeps; {_NO_TPM}"
    found = _vhost_user(handle)
    if found is None:
        reasons = ask(handle, "query-migrate").get("blocked-reasons", [])
        found = next((each for each in map(_of_reason(mounted), reasons) if each), None)
    return found


def _vhost_user(handle: core.Machine) -> str | None:
    """The reason for devices whose state is in another process.

    QEMU does not list them as blockers, but fails when it saves them.
    """
    tags = []
    for folder in _DEVICES:
        for entry in ask(handle, "qom-list", path=folder):
            kind = entry["type"].removeprefix("child<").removesuffix(">")
            if kind.startswith("vhost-user-fs"):
                path = f"{folder}/{entry['name']}"
                tags.append(ask(handle, "qom-get", path=path, property="tag"))
            elif kind.startswith("vhost-user-vsock"):
                return f"it has a vsock for SSH logins ({kind}); {_NO_BACKDOOR}"
            elif kind.startswith("vhost-user"):
                return f"it has the device {kind}, whose state another process keeps; remove it"
    if not tags:
        return None
    cures = [f"for the Nix store, {_STORE_IMAGE}"] if "nix-store" in tags else []
    if set(tags) != {"nix-store"}:
        cures.append(_NO_SHARES)
    return f"it has shared folders by virtiofs ({', '.join(sorted(tags))}); {', and '.join(cures)}"


def _of_reason(mounted: frozenset[str]) -> Callable[[str], str | None]:
    """A function from one of QEMU's blockers to the reason, or None for a share in `mounted`."""

    def reason_of(blocker: str) -> str | None:
        if far := _FAR.search(blocker):
            return f"{far[1]}; machines on other hosts have no checkpoints"
        share = _SHARE.search(blocker)
        if share is None:
            return f"{blocker.rstrip('.')}; remove the device from the machine's start script"
        tag = share[1]
        if tag in mounted:
            return None
        if tag == "nix-store":
            return f"its Nix store is mounted by 9p; {_STORE_IMAGE}"
        return f"a folder of the host is mounted by 9p with the tag {tag!r}; {_UNMOUNT}"

    return reason_of
