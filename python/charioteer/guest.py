"""Guest definitions: machines/NAME/guest.toml."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .errors import InputError
from .schema import Table

_FILE_NAME = "guest.toml"


@dataclass(frozen=True)
class File:
    """A file of the definition and where it goes in the guest."""

    source: Path
    target: str
    mode: int


@dataclass(frozen=True)
class Unit:
    """A systemd unit that the guest gets; `wanted_by` is empty for one that is only provided."""

    source: Path
    wanted_by: str


@dataclass(frozen=True)
class Mask:
    """Units or folders' files a test guest has no use for, and why."""

    names: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Guest:
    """What a guest.toml says. Sizes are in MB."""

    name: str
    file: Path
    description: str
    suite: str
    kernel: str
    kernel_parameters: tuple[str, ...]
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    links: dict[str, str]
    files: tuple[File, ...]
    units: tuple[Unit, ...]
    masks: tuple[Mask, ...]
    memory: int
    cpus: int
    disk: int
    shared_folders: bool

    @property
    def has_disk(self) -> bool:
        """Whether the root file system is on a disk; otherwise it is the initial one, in memory."""
        return self.disk > 0


def names() -> list[str]:
    """Names of the guests that there are."""
    return sorted(path.parent.name for path in paths.machines().glob(f"*/{_FILE_NAME}"))


def load(name: str) -> Guest:
    """Reads the definition of the guest `name`. Raises InputError."""
    if name not in names():
        raise InputError(f"unknown guest {name!r}, expected one of {', '.join(names())}")
    return load_file(paths.machines() / name / _FILE_NAME)


def load_file(file: Path) -> Guest:
    """Reads a definition; its folder gives the name. Raises InputError."""
    table = Table.load(file)
    guest = Guest(
        name=file.parent.name,
        file=file,
        description=table.string("description"),
        suite=table.string("suite"),
        kernel=table.string("kernel"),
        kernel_parameters=tuple(table.strings("kernel_parameters", [])),
        modules=tuple(table.strings("modules", [])),
        packages=tuple(table.strings("packages", [])),
        programs=tuple(table.strings("programs", [])),
        links=_links(table.table("links")),
        files=tuple(_file(entry) for entry in table.tables("files")),
        units=tuple(_unit(entry) for entry in table.tables("units")),
        masks=tuple(_mask(entry) for entry in table.tables("mask")),
        memory=table.integer("memory", 64, 1 << 20, "MB"),
        cpus=table.integer("cpus", 1, 255, default=1),
        disk=table.integer("disk", 0, 1 << 20, "MB", default=0),
        shared_folders=table.boolean("shared_folders", False),
    )
    table.finish()
    return guest


def _links(table: Table) -> dict[str, str]:
    links = {key: table.string(key) for key in table.keys()}
    table.finish()
    return links


def _source(table: Table) -> Path:
    source = table.file.parent / table.string("source")
    if not source.is_file():
        table.fail("source", f"a file beside the definition, but there is no {source}")
    return source


def _file(table: Table) -> File:
    mode = table.string("mode", "0644")
    if not re.fullmatch("0[0-7]{3}", mode):
        table.fail("mode", f'four octal digits such as "0755", got {mode!r}')
    target = table.string("target")
    if not target.startswith("/"):
        table.fail("target", f"an absolute path, got {target!r}")
    file = File(_source(table), target, int(mode, 8))
    table.finish()
    return file


def _unit(table: Table) -> Unit:
    unit = Unit(_source(table), table.string("wanted_by", ""))
    table.finish()
    return unit


def _mask(table: Table) -> Mask:
    mask = Mask(tuple(table.strings("names")), table.string("reason"))
    table.finish()
    return mask
