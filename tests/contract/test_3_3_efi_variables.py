"""Sections 3.3 and 5.3: EFI variables and a TPM, with a guest that boots through OVMF."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_driver.efi import EfiGuid, EfiVariable
from test_driver.errors import RequestedAssertionFailed
from test_driver.machine import QemuMachine

from support.leftovers import processes_of
from support.patience import deadline
from support.shared_machines import BOOT_LIMIT, machines_of_cluster

CLUSTER = """
[machines.efi]
guest = "minimal"
firmware = "efi"
tpm = true
vlans = []
"""
VENDOR = uuid.UUID("a19f72f8-b554-4bd7-a0c2-2762bd854691")
OWNER = uuid.UUID(bytes=VENDOR.bytes_le)
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
FOLDER = "/sys/firmware/efi/efivars"
SEEN_BY_ALL = (
    EfiVariable.Flags.NON_VOLATILE
    | EfiVariable.Flags.BOOTSERVICE_ACCESS
    | EfiVariable.Flags.RUNTIME_ACCESS
)


def written() -> EfiVariable:
    return EfiVariable(vendor_uuid=VENDOR, name="Demo", data=b"\x2a", flags=SEEN_BY_ALL)


def found(machine: QemuMachine, owner: uuid.UUID, name: str) -> EfiVariable:
    mine = (each for each in machine.read_efi_vars() if each.vendorUUID == owner)
    return next(each for each in mine if each.name == name)


def tpms_of(machine: QemuMachine) -> list[int]:
    processes = processes_of(machine.state_dir)
    return [pid for pid, command in processes.items() if command.startswith("swtpm")]


@pytest.fixture(scope="module")
def stopped() -> Iterator[QemuMachine]:
    """A machine with a variable `Demo` of 0x2a, not started."""
    with machines_of_cluster(CLUSTER) as made:
        made["efi"].create_efi_vars()
        made["efi"].write_efi_vars([written()])
        yield made["efi"]


@pytest.fixture(scope="module")
def efi(stopped: QemuMachine) -> QemuMachine:
    """The same, running."""
    with deadline(BOOT_LIMIT):
        stopped.start(allow_reboot=True)
        stopped.connect()
    return stopped


@pytest.mark.limit(BOOT_LIMIT)
def test_3_3_the_store_is_where_the_start_script_expects_it(stopped: QemuMachine) -> None:
    assert stopped.efi_vars_path == stopped.state_dir / "efi-efi-vars.fd"
    assert stopped.efi_vars.state_path == stopped.efi_vars_path
    assert stopped.efi_vars_path.stat().st_size == 2 * 0x42000
    with pytest.raises(RequestedAssertionFailed, match="^OVMF variables store exists$"):
        stopped.create_efi_vars()
    assert [variable.name for variable in stopped.read_efi_vars()] == ["Demo"]


@pytest.mark.limit(2 * BOOT_LIMIT)
def test_3_3_a_variable_written_before_the_start_exists_in_the_guest(efi: QemuMachine) -> None:
    shown = efi.succeed(f"od -An -tx1 {FOLDER}/Demo-{VENDOR}")
    assert shown.split() == ["07", "00", "00", "00", "2a"]


def test_3_3_variables_are_refused_while_the_system_runs(efi: QemuMachine) -> None:
    with pytest.raises(RequestedAssertionFailed) as failure:
        efi.read_efi_vars()
    assert str(failure.value) == (
        "System is currently running and concurrent reads / writes to the OVMF variables "
        "is unsupported"
    )
    with pytest.raises(RequestedAssertionFailed, match="System is currently running"):
        efi.create_efi_vars()
    with pytest.raises(RequestedAssertionFailed, match="System is currently running"):
        efi.dump_efi_vars()
    with pytest.raises(RequestedAssertionFailed, match="System is currently running"):
        efi.write_efi_vars([])


def test_5_3_the_guest_has_a_tpm(efi: QemuMachine) -> None:
    assert efi.succeed("cat /sys/class/tpm/tpm0/tpm_version_major") == "2\n"
    # TPM2_GetRandom for eight bytes, and the head of its response.
    request = r"\x80\x01\x00\x00\x00\x0c\x00\x00\x01\x7b\x00\x08"
    exchange = f"exec 3<>/dev/tpm0; printf '{request}' >&3; head -c 64 <&3 | od -An -tx1"
    assert efi.succeed(exchange).split()[:10] == "80 01 00 00 00 14 00 00 00 00".split()
    folder = efi.state_dir / "efi-swtpm"
    assert int((folder / "pid").read_text()) in tpms_of(efi)
    assert (folder / "socket").is_socket()
    (daemon,) = tpms_of(efi)
    assert efi.pid is not None and os.getpgid(daemon) != os.getpgid(efi.pid)


@pytest.mark.limit(2 * BOOT_LIMIT)
def test_4_5_a_reboot_goes_through_the_firmware_again(efi: QemuMachine) -> None:
    pid = efi.pid
    efi.succeed("touch /tmp/before")
    efi.reboot()
    assert not efi.connected
    efi.fail("test -e /tmp/before")
    assert efi.pid == pid
    efi.succeed(f"test -e {FOLDER}/Demo-{VENDOR}")


@pytest.mark.limit(2 * BOOT_LIMIT)
def test_3_3_variables_of_the_guest_outlive_a_crash(
    efi: QemuMachine, capfd: pytest.CaptureFixture[str]
) -> None:
    # Linux does not mark `Timeout` as immutable.
    efi.succeed(rf"printf '\x07\0\0\0\x09\0' > {FOLDER}/Timeout-{GLOBAL}")
    efi.succeed(rf"printf '\x07\0\0\0of the guest' > {FOLDER}/Guest-{VENDOR}")
    daemons = tpms_of(efi)
    efi.crash()
    assert daemons and not any(Path(f"/proc/{pid}").exists() for pid in daemons)
    assert found(efi, OWNER, "Demo").data == b"\x2a"
    assert found(efi, OWNER, "Guest").data == b"of the guest"
    timeout = found(efi, EfiGuid.gEfiGlobalVariableGuid, "Timeout")
    assert (timeout.data, timeout.flags) == (b"\x09\x00", SEEN_BY_ALL)
    capfd.readouterr()
    efi.dump_efi_vars()
    assert "Name:                'Guest'" in capfd.readouterr().out.splitlines()


@pytest.mark.limit(2 * BOOT_LIMIT)
def test_3_3_the_firmware_accepts_a_store_with_added_variables(efi: QemuMachine) -> None:
    before = {variable.name for variable in efi.read_efi_vars()}
    efi.write_efi_vars([EfiVariable(VENDOR, "Late", b"\x01\x02\x03", flags=SEEN_BY_ALL)])
    efi.start()
    assert efi.succeed(f"od -An -tx1 {FOLDER}/Late-{VENDOR}").split()[4:] == ["01", "02", "03"]
    assert efi.succeed(f"tail -c 12 {FOLDER}/Guest-{VENDOR}") == "of the guest"
    assert efi.succeed("test -c /dev/tpm0 && echo there") == "there\n"
    efi.shutdown()
    assert {variable.name for variable in efi.read_efi_vars()} >= before | {"Late"}
