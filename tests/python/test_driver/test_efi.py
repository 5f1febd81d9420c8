"""Stores of EFI variables: the format, and invalid files."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from charioteer.testing.efi import EfiGuid, EfiVariable
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.machine import QemuMachine

VENDOR = uuid.UUID("a19f72f8-b554-4bd7-a0c2-2762bd854691")
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
SEEN_BY_ALL = (
    EfiVariable.Flags.NON_VOLATILE
    | EfiVariable.Flags.BOOTSERVICE_ACCESS
    | EfiVariable.Flags.RUNTIME_ACCESS
)
FIRST_RECORD = 0x64
WORKING_BLOCK = "2b29589e687c7d49a0ce6500fd9f1b952caf2c64feffffffe00f000000000000"


def demo(name: str = "Demo", data: bytes = b"\x2a") -> EfiVariable:
    return EfiVariable(VENDOR, name, data, flags=SEEN_BY_ALL)


def names(machine: QemuMachine) -> list[str]:
    return [variable.name for variable in machine.read_efi_vars()]


def damage(machine: QemuMachine, offset: int, content: bytes) -> None:
    image = bytearray(machine.efi_vars_path.read_bytes())
    image[offset : offset + len(content)] = content
    machine.efi_vars_path.write_bytes(image)


class TestStore:
    def test_an_empty_one_is_as_long_as_the_flash_memory(self, machine: QemuMachine) -> None:
        machine.create_efi_vars()
        image = machine.efi_vars_path.read_bytes()
        assert len(image) == 2 * 0x42000
        assert image[0x41000:0x41020].hex() == WORKING_BLOCK
        assert set(image[FIRST_RECORD:0x41000] + image[0x41020:]) == {0xFF}
        assert names(machine) == []

    def test_an_existing_store_is_not_overwritten(self, machine: QemuMachine) -> None:
        machine.create_efi_vars()
        with pytest.raises(RequestedAssertionFailed) as failure:
            machine.create_efi_vars()
        assert str(failure.value) == "OVMF variables store exists"

    def test_the_first_write_creates_it(self, machine: QemuMachine) -> None:
        assert machine.read_efi_vars() == [] and machine.efi_vars.read_content() is None
        machine.write_efi_vars([demo()])
        assert names(machine) == ["Demo"]

    def test_variables_are_kept_unless_overwritten(self, machine: QemuMachine) -> None:
        machine.write_efi_vars([demo(data=b"old"), demo("Other", b"12345")])
        machine.write_efi_vars([demo()])
        other, written = sorted(machine.read_efi_vars(), key=lambda variable: variable.dataLen)[
            ::-1
        ]
        assert (other.name, other.data, other.flags) == ("Other", b"12345", SEEN_BY_ALL)
        assert (written.name, written.data, written.nameLen) == ("Demo", b"\x2a", 10)
        assert written.boot_access and written.runtime_access and not written.volatile
        assert written.state == EfiVariable.State.VAR_ADDED and not written.isDeleted

    def test_variables_are_at_multiples_of_four(self, machine: QemuMachine) -> None:
        machine.write_efi_vars([demo("Odd", b"1"), demo("Next", b"2")])
        image = machine.efi_vars_path.read_bytes()
        begins = [at for at in range(0, 0x200) if image[at : at + 3] == b"\xaa\x55\x3f"]
        assert len(begins) == 2 and not any(at % 4 for at in begins)
        assert image[begins[1] - 3 : begins[1]] == b"\xff\xff\xff"

    def test_its_size_limits_the_variables(self, machine: QemuMachine) -> None:
        machine.create_efi_vars()
        with pytest.raises(MachineError, match="do not fit: they take .* the store has 262044"):
            machine.write_efi_vars([demo(data=bytes(262_044))])
        assert names(machine) == []

    def test_a_store_of_another_size_is_read_only(self, machine: QemuMachine) -> None:
        machine.write_efi_vars([demo()])
        with machine.efi_vars_path.open("ab") as file:
            file.write(b"\xff")
        assert names(machine) == ["Demo"]
        with pytest.raises(MachineError, match="has 540673 bytes; only a store of 540672 bytes"):
            machine.write_efi_vars([demo()])

    @pytest.mark.parametrize(
        ("offset", "content", "reason"),
        [
            (0x28, b"FAT!", "it does not begin with the header of a firmware volume"),
            (0x10, bytes(16), "the firmware volume is not one for variables"),
            (0x30, b"\x47", "the header of the firmware volume is damaged"),
            (0x32, b"\x00", "the header of the firmware volume is damaged"),
            (0x48, bytes(16), "the firmware volume has no store of authenticated variables"),
            (0x5C, b"\x00", "the store of variables is not formatted, or not healthy"),
            (
                0x58,
                b"\xff\xff\xff\x00",
                "its store has 16777215 bytes by the header, but the file has 540672",
            ),
            (FIRST_RECORD, b"what", "expected the header of a variable, found 0x6877"),
            (FIRST_RECORD + 40, b"\0\0\0\1", "a variable is longer than the store"),
            (FIRST_RECORD + 61, b"\xd8", "'utf-16-le' codec can't decode bytes in position 0-1"),
        ],
    )
    def test_an_invalid_store_is_named_with_the_reason(
        self, machine: QemuMachine, offset: int, content: bytes, reason: str
    ) -> None:
        machine.write_efi_vars([demo()])
        damage(machine, offset, content)
        with pytest.raises(MachineError) as failure:
            machine.read_efi_vars()
        text = str(failure.value)
        assert text.startswith(f"{machine.efi_vars_path} does not hold the variables of an OVMF: ")
        assert reason in text and "\n" not in text

    @pytest.mark.parametrize("length", [0, 55, 71, 90, FIRST_RECORD + 30])
    def test_a_truncated_store_is_invalid(self, machine: QemuMachine, length: int) -> None:
        machine.write_efi_vars([demo()])
        image = machine.efi_vars_path.read_bytes()
        machine.efi_vars_path.write_bytes(image[:length])
        with pytest.raises(MachineError, match="does not hold the variables of an OVMF"):
            machine.read_efi_vars()

    def test_cannot_be_used_while_the_machine_runs(self, machine: QemuMachine) -> None:
        machine.start()
        acts: list[Callable[[], object]] = [
            machine.create_efi_vars,
            machine.read_efi_vars,
            machine.dump_efi_vars,
            lambda: machine.write_efi_vars([demo()]),
        ]
        for act in acts:
            with pytest.raises(RequestedAssertionFailed) as failure:
                act()
            assert str(failure.value) == (
                "System is currently running and concurrent reads / writes "
                "to the OVMF variables is unsupported"
            )
        assert not machine.efi_vars_path.exists()


class TestPowerCuts:
    """States that an interrupted firmware leaves, evaluated like the firmware does."""

    @pytest.mark.parametrize(
        ("state", "seen"),
        [(0x3F, True), (0x3E, True), (0x3D, False), (0x3C, False), (0x7F, False), (0xBF, False)],
    )
    def test_only_complete_variables_are_valid(
        self, machine: QemuMachine, state: int, seen: bool
    ) -> None:
        machine.write_efi_vars([demo(), demo("Next")])
        damage(machine, FIRST_RECORD + 2, bytes([state]))
        assert names(machine) == (["Demo"] if seen else []) + ["Next"]

    def test_an_incomplete_header_ends_the_list(self, machine: QemuMachine) -> None:
        record = demo().serialize()
        begun = record[:2] + b"\xff" + record[3:36] + b"\xff" * 8 + record[44:60]
        machine.create_efi_vars()
        damage(machine, FIRST_RECORD, begun + demo("Next").serialize())
        assert names(machine) == ["Next"]

    def test_the_later_of_two_variables_is_valid(self, machine: QemuMachine) -> None:
        machine.write_efi_vars([demo(data=b"abc.")])
        record = demo(data=b"old.").serialize()
        assert len(record) % 4 == 2
        damage(machine, FIRST_RECORD, record + b"\xff\xff" + demo(data=b"new").serialize())
        damage(machine, FIRST_RECORD + 2, b"\x3e")
        (variable,) = machine.read_efi_vars()
        assert variable.data == b"new"


class TestVariable:
    def test_its_owner_is_a_uuid_or_a_name(self) -> None:
        assert demo().vendorUUID == uuid.UUID(bytes=VENDOR.bytes_le)
        by_uuid = EfiVariable(GLOBAL, "Boot0000", b"")
        by_name = EfiVariable(EfiGuid.gEfiGlobalVariableGuid, "Boot0000", b"")
        assert by_uuid.vendorUUID == by_name.vendorUUID == EfiGuid.gEfiGlobalVariableGuid
        assert GLOBAL.bytes_le in by_name.serialize()
        assert EfiVariable(by_name.vendorUUID, "again").vendorUUID == by_name.vendorUUID

    def test_owners_are_listed_by_name(self, machine: QemuMachine) -> None:
        machine.write_efi_vars([demo(), EfiVariable(GLOBAL, "Timeout", b"\0\0", flags=7)])
        content = machine.efi_vars.read_content()
        assert content is not None
        assert content["gEfiGlobalVariableGuid"]["Timeout"].data == b"\0\0"
        assert list(content[str(uuid.UUID(bytes=VENDOR.bytes_le))]) == ["Demo"]

    @pytest.mark.parametrize(
        "state",
        [
            None,
            EfiVariable.State.VAR_ADDED,
            EfiVariable.State.VAR_HEADER_VALID_ONLY | EfiVariable.State.VAR_ADDED,
            0xC0,
        ],
    )
    def test_all_spellings_of_an_existing_variable(self, state: int | None) -> None:
        assert EfiVariable(VENDOR, "Demo", b"", state=state).state == 0x3F

    def test_its_length_can_be_changed(self, machine: QemuMachine) -> None:
        machine.write_efi_vars([demo()])
        (variable,) = machine.read_efi_vars()
        variable.data = b"longer"
        variable.dataLen = len(variable.data)
        machine.write_efi_vars([variable])
        assert [found.data for found in machine.read_efi_vars()] == [b"longer"]

    def test_a_variable_without_a_name_is_rejected(self, machine: QemuMachine) -> None:
        with pytest.raises(ValueError, match="needs a name"):
            machine.write_efi_vars([EfiVariable(VENDOR, data=b"1")])

    def test_variables_are_printed(
        self, machine: QemuMachine, capsys: pytest.CaptureFixture[str]
    ) -> None:
        machine.write_efi_vars([demo(data=b"seventeen letters"), EfiVariable(GLOBAL, "Empty")])
        machine.dump_efi_vars()
        shown = capsys.readouterr().out
        for line in (
            "Name:                'Demo'",
            "Vendor UUID:         f8729fa1-54b5-d74b-a0c2-2762bd854691",
            "State:               VAR_HEADER_VALID_ONLY | VAR_ADDED",
            "Flags:               NON_VOLATILE BOOTSERVICE_ACCESS RUNTIME_ACCESS",
            "Data Length:         17 bytes",
            "00000000  73 65 76 65 6e 74 65 65 6e 20 6c 65 74 74 65 72  |seventeen letter|",
            "Vendor UUID:         gEfiGlobalVariableGuid",
        ):
            assert line in shown.splitlines(), shown


def test_an_empty_store_equals_that_of_debian_s_package(machine: QemuMachine) -> None:
    debians = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
    machine.create_efi_vars()
    assert machine.efi_vars_path.read_bytes() == debians.read_bytes()
