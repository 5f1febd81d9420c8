"""The variables of a machine's EFI firmware."""

from charioteer.testing.efi import EfiGuid, EfiVariable, EfiVars
from charioteer.testing.efi_store import UEFITime
from charioteer.testing.errors import MachineError, RequestedAssertionFailed

__all__ = [
    "EfiGuid",
    "EfiVariable",
    "EfiVars",
    "MachineError",
    "RequestedAssertionFailed",
    "UEFITime",
]
