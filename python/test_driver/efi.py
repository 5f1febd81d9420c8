"""The variables of a machine's EFI firmware."""

from charioteer.testing.efi import EfiGuid, EfiVariable, EfiVars
from charioteer.testing.efi_store import UEFITime

__all__ = [
    "EfiGuid",
    "EfiVariable",
    "EfiVars",
    "UEFITime",
]
