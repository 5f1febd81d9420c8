"""The variables of a machine's EFI firmware, read and written while the machine is off.

The names and the GUIDs' byte order are those of upstream's module: `EfiVariable.vendorUUID` and
the constants of `EfiGuid` have the byte order of the store, while `vendor_uuid` of the constructor
has the usual byte order of a UUID.
"""

import io
import struct
import uuid
from pathlib import Path
from typing import BinaryIO, Protocol

from charioteer.testing import efi_store
from charioteer.testing.efi_store import UEFITime
from charioteer.testing.errors import MachineError, RequestedAssertionFailed

_MAGIC, _NO_MORE = 0x55AA, 0xFFFF
_RECORD = struct.Struct("<HBBIQ16sIII16s")
_ALIGNMENT = 4
_UNWRITTEN = 0xFFFFFFFF
_LABEL_WIDTH = 21
_BYTES_A_LINE = 16


class _StoredGuid(uuid.UUID):
    """A GUID whose `bytes` are in the byte order of the store."""


class _State(int):
    """A state in flash memory, where each further state clears one more bit."""

    def __or__(self, other: int) -> "_State":
        return _State(int(self) & other)


def _known(guid: str) -> _StoredGuid:
    return _StoredGuid(bytes=uuid.UUID(guid).bytes_le)


class EfiGuid:
    """Owners of well-known variables, in the order of the store's bytes."""

    gEdkiiVarErrorFlagGuid = _known("04b37fe8-f6ae-480b-bdd5-37d98c5e89aa")
    gEfiAuthenticatedVariableGuid = _known("aaf32c78-947b-439a-a180-2e144ec37792")
    gEfiCertDbGuid = _known("d9bee56e-75dc-49d9-b4d7-b534210f637a")
    gEfiCustomModeEnableGuid = _known("c076ec0c-7028-4399-a072-71ee5c448b9f")
    gEfiGlobalVariableGuid = _known("8be4df61-93ca-11d2-aa0d-00e098032b8c")
    gEfiImageSecurityDatabaseGuid = _known("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
    gEfiIp4Config2ProtocolGuid = _known("5b446ed1-e30b-4faa-871a-3654eca36080")
    gEfiIScsiInitiatorNameProtocolGuid = _known("59324945-ec44-4c0d-b1cd-9db139df070c")
    gEfiMemoryTypeInformationGuid = _known("4c19049f-4137-4dd3-9c10-8b97a83ffdfa")
    gEfiSecureBootEnableDisableGuid = _known("f0a30bc7-af08-4556-99c4-001009c93a44")
    gEfiSystemNvDataFvGuid = _known("fff12b8d-7696-4c8b-a985-2747075b4f50")
    gEfiVendorKeysNvGuid = _known("9073e4e0-60ec-4b6e-9903-4c223c260f3c")
    gIScsiConfigGuid = _known("4b47d616-a8d6-4552-9d44-ccad2e0f4cf9")
    gMicrosoftVendorGuid = _known("77fa9abd-0359-4d32-bd60-28f4e78f784b")
    gMtcVendorGuid = _known("eb704011-1402-11d3-8e77-00a0c969723b")
    mBmHardDriveBootVariableGuid = _known("fab7e9e1-39dd-4f2b-8408-e20e906cb6de")


_NAMES = {guid: name for name, guid in vars(EfiGuid).items() if isinstance(guid, uuid.UUID)}


def _owner_name(guid: uuid.UUID) -> str:
    """The name of a well-known owner, else the GUID in the byte order of the store."""
    return _NAMES.get(guid, str(guid))


class EfiVariable:
    """A variable of the firmware, with the fields of its record in the store."""

    class Flags:
        """When a variable is visible; without flags it never is."""

        NON_VOLATILE = 0x1
        BOOTSERVICE_ACCESS = 0x2
        RUNTIME_ACCESS = 0x4
        TIME_BASED_AUTHENTICATED_WRITE_ACCESS = 0x20

    class State:
        """The progress of writing a record."""

        VAR_HEADER_VALID_ONLY = _State(0x7F)
        VAR_ADDED = _State(0x3F)

    _FLAG_NAMES = {
        0x1: "NON_VOLATILE",
        0x2: "BOOTSERVICE_ACCESS",
        0x4: "RUNTIME_ACCESS",
        0x8: "HARDWARE_ERROR_RECORD",
        0x10: "AUTHENTICATED_WRITE_ACCESS",
        0x20: "TIME_BASED_AUTHENTICATED_WRITE_ACCESS",
        0x40: "APPEND_WRITE",
    }
    _STATE_NAMES = {
        0x1: "VAR_IN_DELETED_TRANSITION",
        0x2: "VAR_DELETED",
        0x80: "VAR_HEADER_VALID_ONLY",
        0x40: "VAR_ADDED",
    }

    def __init__(
        self,
        vendor_uuid: uuid.UUID | None = None,
        name: str | None = None,
        data: bytes | None = None,
        state: int | None = None,
        flags: int | None = None,
    ) -> None:
        """`state` is one of `State`, by default VAR_ADDED; a plain number has its bits inverted."""
        self.magic = _MAGIC
        self.reserved1 = 0
        self.monotonicCount = 0
        self.timestamp = UEFITime()
        self.pubKeyIdx = 0
        self.vendorUUID: uuid.UUID = _StoredGuid(int=0)
        if isinstance(vendor_uuid, _StoredGuid):
            self.vendorUUID = vendor_uuid
        elif vendor_uuid is not None:
            self.vendorUUID = _StoredGuid(bytes=vendor_uuid.bytes_le)
        self.name = name or ""
        self.data = data or b""
        self.flags = flags or 0
        if state is None:
            state = self.State.VAR_ADDED
        self.state = int(state) if isinstance(state, _State) else state ^ 0xFF

    @property
    def nameLen(self) -> int:
        """Bytes of the name in the store, its end included.

        It follows `name`, and `dataLen` follows `data`; setting them, as scripts had to, does
        nothing.
        """
        return len(self._packed_name)

    @nameLen.setter
    def nameLen(self, _size: int) -> None:
        ...

    @property
    def dataLen(self) -> int:
        return len(self.data)

    @dataLen.setter
    def dataLen(self, _size: int) -> None:
        ...

    @property
    def _packed_name(self) -> bytes:
        return f"{self.name}\0".encode("utf-16-le")

    @property
    def isDeleted(self) -> bool:
        """Whether the record was deleted or replaced by a later one."""
        return not self.state & 0x02

    @property
    def _is_there(self) -> bool:
        """Whether it was written completely and not deleted, as the firmware checks it."""
        return not self.state & 0xC0 and not self.isDeleted

    @property
    def volatile(self) -> bool:
        return not self.flags & 0x1

    @property
    def boot_access(self) -> bool:
        return bool(self.flags & 0x2)

    @property
    def runtime_access(self) -> bool:
        return bool(self.flags & 0x4)

    @property
    def hardware_error_record(self) -> bool:
        return bool(self.flags & 0x8)

    @property
    def authenticated_write_access(self) -> bool:
        return bool(self.flags & 0x10)

    @property
    def time_based_authenticated_write_access(self) -> bool:
        return bool(self.flags & 0x20)

    @property
    def append_write(self) -> bool:
        return bool(self.flags & 0x40)

    @classmethod
    def deserialize(cls, f: BinaryIO) -> "EfiVariable | None":
        """Reads the record at the position of `f`; None after the last record.

        Raises ValueError when there are other data.
        """
        header = f.read(_RECORD.size)
        if len(header) < 2 or header[:2] == _NO_MORE.to_bytes(2, "little"):
            return None
        if len(header) < _RECORD.size:
            raise ValueError("the last variable is truncated")
        (
            magic,
            state,
            reserved,
            flags,
            count,
            time,
            key,
            name_size,
            data_size,
            guid,
        ) = _RECORD.unpack(header)
        if magic != _MAGIC:
            raise ValueError(f"expected the header of a variable, found 0x{magic:04x}")
        variable = cls(state=_State(state), flags=flags)
        variable.reserved1, variable.monotonicCount, variable.pubKeyIdx = reserved, count, key
        variable.timestamp = UEFITime.deserialize(time)
        variable.vendorUUID = _StoredGuid(bytes=guid)
        # Power was lost while the header was written; the next record follows directly.
        if state == 0xFF or _UNWRITTEN in (flags, name_size, data_size):
            return variable
        name, variable.data = f.read(name_size), f.read(data_size)
        if len(name) + len(variable.data) < name_size + data_size:
            raise ValueError("a variable is longer than the store")
        variable.name = name.decode("utf-16-le").rstrip("\0")
        f.read(-f.tell() % _ALIGNMENT)
        return variable

    def serialize(self) -> bytes:
        """Its record. Raises ValueError when it has no name."""
        if not self.name:
            raise ValueError("an EFI variable needs a name")
        header = _RECORD.pack(
            self.magic,
            self.state,
            self.reserved1,
            self.flags,
            self.monotonicCount,
            self.timestamp.serialize(),
            self.pubKeyIdx,
            self.nameLen,
            self.dataLen,
            self.vendorUUID.bytes,
        )
        return header + self._packed_name + self.data

    def print(self) -> None:
        """Shows it on standard output."""
        reached = self.state ^ 0xFF
        states = [name for bit, name in self._STATE_NAMES.items() if reached & bit]
        flags = [name for bit, name in self._FLAG_NAMES.items() if self.flags & bit]
        lines = ["Authenticated Variable", "======================"]
        for label, value in (
            ("Name", repr(self.name)),
            ("Vendor UUID", _owner_name(self.vendorUUID)),
            ("Monotonic Count", self.monotonicCount),
            ("Public Key Index", self.pubKeyIdx),
            ("State", " | ".join(states)),
            ("Flags", " ".join(flags)),
            ("Data Length", f"{self.dataLen} bytes"),
        ):
            lines.append(f"{label + ':':{_LABEL_WIDTH}}{value}")
        for begin in range(0, len(self.data), _BYTES_A_LINE):
            piece = self.data[begin : begin + _BYTES_A_LINE]
            text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
            lines.append(f"{begin:08x}  {piece.hex(' '):{3 * _BYTES_A_LINE - 1}}  |{text}|")
        print("\n".join(lines), end="\n\n")


class _Powered(Protocol):
    @property
    def booted(self) -> bool:
        ...


class EfiVars:
    """The store of a machine's variables."""

    def __init__(self, state_path: Path, machine: _Powered) -> None:
        self.state_path = state_path
        self.machine = machine

    def _assert_stopped(self) -> None:
        if self.machine.booted:
            raise RequestedAssertionFailed(
                "System is currently running and concurrent reads / writes "
                "to the OVMF variables is unsupported"
            )

    def read_content(self) -> dict[str, dict[str, EfiVariable]] | None:
        """The variables by owner and name; None when there is no store.

        An owner is a name of `EfiGuid` or the GUID in the order of the store's bytes. Raises
        RequestedAssertionFailed while the machine runs, MachineError when the file is no store.
        """
        self._assert_stopped()
        try:
            image = self.state_path.read_bytes()
        except FileNotFoundError:
            return None
        variables: dict[str, dict[str, EfiVariable]] = {}
        try:
            records = io.BytesIO(efi_store.records(image))
            while variable := EfiVariable.deserialize(records):
                if variable._is_there:
                    owner = variables.setdefault(_owner_name(variable.vendorUUID), {})
                    owner[variable.name] = variable
        except ValueError as error:
            text = f"{self.state_path} does not hold the variables of an OVMF: {error}"
            raise MachineError(text) from None
        return variables

    def create_empty(self) -> None:
        """Makes a store without variables. Raises RequestedAssertionFailed when there is one."""
        self._assert_stopped()
        if self.state_path.exists():
            raise RequestedAssertionFailed("OVMF variables store exists")
        self.state_path.write_bytes(efi_store.build(b""))

    def write(self, add: list[EfiVariable]) -> None:
        """Writes variables to the store, which is created if missing; replaces existing ones.

        Raises RequestedAssertionFailed while the machine runs, MachineError when they do not fit
        or the store is not of the size of the contract, ValueError when one has no name.
        """
        variables = self.read_content() or {}
        if self.state_path.exists() and self.state_path.stat().st_size != efi_store.SIZE:
            raise MachineError(
                f"{self.state_path} has {self.state_path.stat().st_size} bytes; "
                f"only a store of {efi_store.SIZE} bytes (OVMF of 4 MB) can be written"
            )
        for variable in add:
            variables.setdefault(_owner_name(variable.vendorUUID), {})[variable.name] = variable
        records = bytearray()
        for owner in variables.values():
            for variable in owner.values():
                records += variable.serialize()
                records += b"\xff" * (-len(records) % _ALIGNMENT)
        self.state_path.write_bytes(efi_store.build(bytes(records)))
