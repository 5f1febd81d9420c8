"""Cluster files: a test, its script and its machines."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from charioteer import paths
from charioteer.cluster.identity import NetworkIdentity, assign_identities
from charioteer.errors import InputError
from charioteer.images import firmware
from charioteer.images import guest as guests
from charioteer.images.guest import Guest
from charioteer.images.schema import Table

FILE_NAME = "cluster.toml"
_MACHINE_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_TEST_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
# A MAC address has one byte each for VLAN and machine.
_MAX_VLAN = 254
_MAX_MACHINES = 254
_MAX_CONTAINER_NAME = 15 - len("-eth1")


@dataclass(frozen=True)
class Machine:
    """A machine of a cluster. Sizes are in MB; `disks` are empty ones beside the root disk.

    `host` is where it runs if there are several (docs/hosts.md); "": anywhere.
    """

    name: str
    guest: Guest
    memory: int
    cpus: int
    vlans: Sequence[int]
    disks: Sequence[int]
    root_password: str
    firmware: str
    tpm: bool
    host: str = ""


@dataclass(frozen=True)
class Container:
    """A container of a cluster, of systemd-nspawn on this host."""

    name: str
    guest: Guest
    vlans: Sequence[int]


@dataclass(frozen=True)
class Cluster:
    """The content of a cluster file. `global_timeout` is in seconds.

    With `ssh_backdoor` the host can log in to the machines by SSH over vsock. `script` is None when
    there is no test script.
    """

    name: str
    description: str
    file: Path
    script: Path | None
    global_timeout: int
    ssh_backdoor: bool
    machines: Sequence[Machine]
    containers: Sequence[Container]

    @property
    def vlans(self) -> list[int]:
        """Each VLAN once, in the order of the machines."""
        return list(
            dict.fromkeys(nr for each in self._machines_and_containers for nr in each.vlans)
        )

    @property
    def identities(self) -> dict[str, NetworkIdentity]:
        """The identities of machines and containers, whose names are one list."""
        return assign_identities({each.name: each.vlans for each in self._machines_and_containers})

    @property
    def _machines_and_containers(self) -> list[Machine | Container]:
        return [*self.machines, *self.containers]


def load(path: Path, needs_script: bool = True) -> Cluster:
    """Reads a cluster file, or `cluster.toml` in a folder. Raises InputError.

    Unless `needs_script`, the test script may be missing if the file does not name one.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not paths.is_utf8(file.absolute()):
        raise InputError(f"{ascii(str(file.absolute()))}: the path is not UTF-8: rename the folder")
    table = Table.load(file)
    name = _test_name(table)
    script = _script(table, needs_script)
    cluster = Cluster(
        name=name,
        description=table.string("description", ""),
        file=file,
        script=script,
        global_timeout=table.integer("global_timeout", 1, 1_000_000, "seconds", default=3600),
        ssh_backdoor=table.boolean("ssh_backdoor", False),
        machines=[],
        containers=[],
    )
    symbols: dict[str, str] = {}
    machines = table.table("machines")
    cluster = replace(
        cluster,
        machines=[_machine(name, entry) for name, entry in _named(machines, symbols)],
        containers=[
            _container(name, entry) for name, entry in _named(table.table("containers"), symbols)
        ],
    )
    # First, since a file with [machine.web] has no machines either.
    table.finish()
    if not 1 <= len(symbols) <= _MAX_MACHINES:
        raise InputError(f"{table.file}: machines: expected 1 to {_MAX_MACHINES} tables")
    return cluster


def _script(table: Table, is_needed: bool) -> Path | None:
    is_named = "script" in table.keys()
    script = table.file.parent / table.string("script", "test.py")
    if script.is_file():
        return script
    if is_needed or is_named:
        table.fail("script", f"a file beside the cluster file, but there is no {script}")
    return None


def _test_name(table: Table) -> str:
    """The name in the file, by default the name of its folder."""
    allowed = "letters, digits, '.', '_' and '-'"
    folder = table.file.absolute().parent
    name = table.string("name", folder.name)
    if not re.fullmatch(_TEST_NAME, name):
        if "name" in table.keys():
            table.fail("name", f"{allowed}, got {name!r}")
        raise InputError(
            f"{table.file}: the test is called after its folder, but the name {name!r} has other"
            f' characters than {allowed}: rename the folder, or begin the file with name = "..."'
        )
    return name


def _named(table: Table, symbols: dict[str, str]) -> Iterator[tuple[str, Table]]:
    """The tables of machines in the order of their names, which must be names for scripts, too."""
    for name, entry in sorted(table.items()):
        if not re.fullmatch(_MACHINE_NAME, name) or len(name) > 63:
            table.fail(
                name,
                "a machine name: a letter or '_', then letters, digits, '_' and '-', at most 63",
            )
        # In the script, a machine's name has '_' for '-'.
        symbol = name.replace("-", "_")
        if symbol in symbols:
            table.fail(name, f"a name of its own, but the script would call {symbols[symbol]!r} so")
        symbols[symbol] = name
        yield name, entry


def _guest(table: Table) -> Guest:
    name = table.string("guest")
    if name not in guests.names():
        known = ", ".join(guests.names())
        table.fail("guest", f"one of {known}, got {name!r}")
    return guests.load(name)


def _vlans(table: Table) -> list[int]:
    vlans = table.integers("vlans", 1, _MAX_VLAN, [1])
    if len(set(vlans)) != len(vlans):
        table.fail("vlans", "each VLAN once")
    return vlans


def _container(name: str, table: Table) -> Container:
    container = Container(name, _guest(table), _vlans(table))
    if not container.guest.has_disk:
        table.fail("guest", f"one with systemd and a disk, which {container.guest.name!r} is not")
    # The names of its interfaces on the host, "NAME-eth1", are of the kernel's length.
    if len(name) > _MAX_CONTAINER_NAME:
        table.fail("guest", f"a container's name of at most {_MAX_CONTAINER_NAME} characters")
    table.finish()
    return container


def _machine(name: str, table: Table) -> Machine:
    guest, vlans = _guest(table), _vlans(table)
    password = table.string("root_password", "")
    if any(ord(character) < 32 for character in password):
        table.fail("root_password", "printable characters")
    machine = Machine(
        name=name,
        guest=guest,
        memory=table.integer("memory", 64, 1 << 20, "MB", default=guest.memory),
        cpus=table.integer("cpus", 1, 255, default=guest.cpus),
        vlans=vlans,
        disks=table.integers("disks", 1, 1 << 24, []),
        root_password=password,
        firmware=table.choice("firmware", (firmware.BIOS, firmware.EFI), guest.firmware),
        tpm=table.boolean("tpm", guest.tpm),
        host=table.string("host", ""),
    )
    table.finish()
    return machine
