"""The firmware of a virtual machine and the first stage of its boot."""

from functools import cached_property
from typing import TYPE_CHECKING

from charioteer.testing.machine.life_cycle import LifeCycle

if TYPE_CHECKING:
    from charioteer.testing.efi import EfiVariable, EfiVars


class Firmware(LifeCycle):
    """Part of every virtual machine. Its EFI variables can be accessed while it is off."""

    @cached_property
    def efi_vars(self) -> "EfiVars":
        """The store of its EFI variables."""
        # Imported here, since most runs do not need it.
        from charioteer.testing.efi import EfiVars

        return EfiVars(self.efi_vars_path, self)

    def create_efi_vars(self) -> None:
        """Creates an empty store of EFI variables for the first start.

        Raises RequestedAssertionFailed when the store exists, or while the machine runs.
        """
        self.efi_vars.create_empty()

    def read_efi_vars(self) -> "list[EfiVariable]":
        """The variables of the machine's EFI firmware; empty if the store does not exist yet.

        Raises RequestedAssertionFailed while the machine runs, MachineError when the file is invalid.
        """
        owners = self.efi_vars.read_content() or {}
        return [variable for owner in owners.values() for variable in owner.values()]

    def write_efi_vars(self, add: "list[EfiVariable]") -> None:
        """Writes variables to the store, for the next start; replaces those with the same names.

        Raises RequestedAssertionFailed while the machine runs, MachineError when they do not fit.
        """
        self.efi_vars.write(add)

    def dump_efi_vars(self) -> None:
        """Prints the variables on standard output. Raises as `read_efi_vars` does."""
        for variable in self.read_efi_vars():
            variable.print()

    def switch_root(self) -> None:
        """Switches from the initial RAM disk to the system, and waits for the system's root shell.

        The initial RAM disk must use systemd and have a root shell, too.
        """
        self.wait_for_unit("initrd.target")
        self.execute(
            "systemctl isolate --no-block initrd-switch-root.target 2>/dev/null >/dev/null",
            check_return=False,
            check_output=False,
        )
        self.connected = False
        self.connect()
