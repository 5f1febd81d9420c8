# The test reads and writes the variables of the EFI firmware while the machine is off, and its system
# while it is on.

import uuid

from test_driver.efi import EfiGuid, EfiVariable

vendor = uuid.UUID("3f1d2b7e-6a08-4d5c-9b53-0d6f8f2c7a11")
variables = "/sys/firmware/efi/efivars"
flags = EfiVariable.Flags
seen_by_all = flags.NON_VOLATILE | flags.BOOTSERVICE_ACCESS | flags.RUNTIME_ACCESS

with subtest("the test writes, the guest reads"):
    machine.create_efi_vars()
    machine.write_efi_vars([EfiVariable(vendor, "Greeting", b"hello", flags=seen_by_all)])
    # Four bytes of flags come first.
    t.assertEqual(machine.succeed(f"tail -c +5 {variables}/Greeting-{vendor}"), "hello")

with subtest("there is a TPM of version 2"):
    t.assertEqual(machine.succeed("cat /sys/class/tpm/tpm0/tpm_version_major"), "2\n")
    machine.succeed("test -c /dev/tpmrm0")

with subtest("the guest writes, the test reads"):
    machine.succeed(rf"printf '\x07\0\0\0and back' > {variables}/Answer-{vendor}")
    machine.shutdown()
    found = {variable.name: variable for variable in machine.read_efi_vars()}
    t.assertEqual(found["Answer"].data, b"and back")
    t.assertEqual(found["BootOrder"].vendorUUID, EfiGuid.gEfiGlobalVariableGuid)
    found["Answer"].print()
