"""The EFI firmware and the TPM emulator that the host has installed for virtual machines."""

import json
import os
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from charioteer.errors import BuildError
from charioteer.images import apt

BIOS, EFI = "bios", "efi"
# Bytes of the variable store of a 4 MB OVMF, the only size that charioteer.testing.efi writes.
_VARIABLES = 540672
_MACHINE = "pc-i440fx-10.0"
_EXCLUDED_FEATURES = {"secure-boot", "requires-smm", "enrolled-keys"}


@dataclass(frozen=True)
class Ovmf:
    """The files of the firmware's code, and of its variables before the first boot."""

    code: Path
    variables: Path


def require_tpm() -> None:
    """Raises BuildError unless swtpm, which emulates a TPM, is installed."""
    apt.require({"swtpm": "swtpm"})


def find_ovmf() -> Ovmf:
    """The host's 4 MB OVMF without Secure Boot. Raises BuildError.

    It is found by the firmware descriptors that distributions install (docs/interop/firmware.json
    of QEMU), in QEMU's order of folders and names.
    """
    descriptions: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.json")):
            descriptions.setdefault(path.name, path)
    for name in sorted(descriptions):
        if found := _load_suitable(descriptions[name]):
            return found
    searched = ", ".join(str(folder) for folder in _folders())
    raise BuildError(
        f"no EFI firmware of 4 MB without Secure Boot is described in {searched} "
        "(apt-get install ovmf, or make deps)"
    )


def _folders() -> list[Path]:
    """The folders of firmware descriptors, the user's own first."""
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    shared = ("/etc", "/usr/local/share", "/usr/share", "/run/current-system/sw/share")
    return [base / "qemu/firmware" for base in (user, *map(Path, shared))]


def _load_suitable(description: Path) -> Ovmf | None:
    try:
        content: dict[str, Any] = json.loads(description.read_bytes())
        mapping = content["mapping"]
        if "uefi" not in content["interface-types"] or mapping["device"] != "flash":
            return None
        if _EXCLUDED_FEATURES & set(content["features"]) or not any(
            map(_is_for_this_machine, content["targets"])
        ):
            return None
        code = Path(mapping["executable"]["filename"])
        variables = Path(mapping["nvram-template"]["filename"])
        if not code.is_file() or variables.stat().st_size != _VARIABLES:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        # An empty descriptor hides later ones of the same name; an invalid one is skipped.
        return None
    return Ovmf(code, variables)


def _is_for_this_machine(target: dict[str, Any]) -> bool:
    machines = target["machines"]
    return target["architecture"] == "x86_64" and any(fnmatch(_MACHINE, one) for one in machines)
