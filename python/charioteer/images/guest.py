"""Guest definitions: machines/NAME/guest.toml."""

import re
from dataclasses import dataclass
from pathlib import Path

from charioteer import paths
from charioteer.errors import InputError
from charioteer.images import firmware, go
from charioteer.images.container_image import ContainerImage
from charioteer.images.download import Download
from charioteer.images.preparation import Preparation
from charioteer.images.schema import Table

_FILE_NAME = "guest.toml"


@dataclass(frozen=True)
class File:
    """A file beside the definition, with its path and mode in the guest."""

    source: Path
    target: str
    mode: int


@dataclass(frozen=True)
class Unit:
    """A systemd unit that is installed; with an empty `wanted_by` it is not enabled."""

    source: Path
    wanted_by: str


@dataclass(frozen=True)
class Mask:
    """Units, or files by their path, that are masked because a test guest does not need them."""

    names: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Guest:
    """The content of a guest.toml, merged with those that it extends. Sizes are in MB."""

    name: str
    definitions: tuple[Path, ...]
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
    disabled: tuple[str, ...]
    go_programs: tuple[go.Program, ...]
    downloads: tuple[Download, ...]
    container_images: tuple[ContainerImage, ...]
    preparations: tuple[Preparation, ...]
    memory: int
    cpus: int
    disk: int
    shared_folders: bool
    firmware: str
    tpm: bool

    @property
    def has_disk(self) -> bool:
        """Whether the root file system is on a disk; if not, it is the initial one, in memory."""
        return self.disk > 0


def names() -> list[str]:
    """The names of all guests in the folder of definitions."""
    return sorted(path.parent.name for path in paths.machines().glob(f"*/{_FILE_NAME}"))


def load(name: str) -> Guest:
    """Reads the definition of the guest `name`. Raises InputError."""
    if name not in names():
        raise InputError(f"unknown guest {name!r}, expected one of {', '.join(names())}")
    return load_file(paths.machines() / name / _FILE_NAME)


def load_file(file: Path) -> Guest:
    """Reads a definition; the guest's name is that of its folder. Raises InputError."""
    return _load(file, ())


def _load(file: Path, extended_by: tuple[Path, ...]) -> Guest:
    table = Table.load(file)
    base = _base(table, (*extended_by, file))
    guest = Guest(
        name=file.parent.name,
        definitions=(*base.definitions, file),
        description=table.string("description"),
        suite=table.string("suite", base.suite or None),
        kernel=table.string("kernel", base.kernel or None),
        kernel_parameters=base.kernel_parameters + tuple(table.strings("kernel_parameters", [])),
        modules=base.modules + tuple(table.strings("modules", [])),
        packages=base.packages + tuple(table.strings("packages", [])),
        programs=base.programs + tuple(table.strings("programs", [])),
        links={**base.links, **_links(table.table("links"))},
        files=base.files + tuple(_file(entry) for entry in table.tables("files")),
        units=base.units + tuple(_unit(entry) for entry in table.tables("units")),
        masks=base.masks + tuple(_mask(entry) for entry in table.tables("mask")),
        disabled=base.disabled + tuple(table.strings("disable", [])),
        go_programs=base.go_programs + tuple(_go_program(entry) for entry in table.tables("go")),
        downloads=base.downloads + tuple(_download(entry) for entry in table.tables("download")),
        container_images=base.container_images
        + tuple(_container_image(entry) for entry in table.tables("container_image")),
        preparations=base.preparations
        + tuple(_preparation(entry) for entry in table.tables("prepare")),
        memory=table.integer("memory", 64, 1 << 20, "MB", base.memory or None),
        cpus=table.integer("cpus", 1, 255, default=base.cpus),
        disk=table.integer("disk", 0, 1 << 20, "MB", default=base.disk),
        shared_folders=table.boolean("shared_folders", base.shared_folders),
        firmware=table.choice("firmware", (firmware.BIOS, firmware.EFI), base.firmware),
        tpm=table.boolean("tpm", base.tpm),
    )
    table.finish()
    only_with_disk = {
        "go": guest.go_programs,
        "download": guest.downloads,
        "container_image": guest.container_images,
        "prepare": guest.preparations,
    }
    for key, entries in only_with_disk.items():
        if entries and not guest.has_disk:
            table.fail(key, "none in a guest without a disk")
    return guest


# The base of a guest that extends no other. An empty string or 0 MB is a key without a default.
_NOTHING = Guest(
    name="",
    definitions=(),
    description="",
    suite="",
    kernel="",
    kernel_parameters=(),
    modules=(),
    packages=(),
    programs=(),
    links={},
    files=(),
    units=(),
    masks=(),
    disabled=(),
    go_programs=(),
    downloads=(),
    container_images=(),
    preparations=(),
    memory=0,
    cpus=1,
    disk=0,
    shared_folders=False,
    firmware=firmware.BIOS,
    tpm=False,
)


def _base(table: Table, chain: tuple[Path, ...]) -> Guest:
    """The guest that `table` extends; `chain` are the definitions being read, to detect cycles."""
    name = table.string("extends", "")
    if not name:
        return _NOTHING
    file = table.file.parent.parent / name / _FILE_NAME
    if not file.is_file():
        table.fail("extends", f"the name of a guest, but there is no {file}")
    if file in chain:
        table.fail("extends", f"a guest that does not extend this one, got {name!r}")
    return _load(file, chain)


def _links(table: Table) -> dict[str, str]:
    links = {key: table.string(key) for key in table.keys()}
    table.finish()
    return links


def _source(table: Table, key: str = "source") -> Path:
    source = table.file.parent / table.string(key)
    if not source.is_file():
        table.fail(key, f"a file beside the definition, but there is no {source}")
    return source


def _file(table: Table) -> File:
    file = File(_source(table), _target(table), _mode(table))
    table.finish()
    return file


def _mode(table: Table) -> int:
    mode = table.string("mode", "0644")
    if not re.fullmatch("0[0-7]{3}", mode):
        table.fail("mode", f'four octal digits such as "0755", got {mode!r}')
    return int(mode, 8)


def _go_program(table: Table) -> go.Program:
    source = _folder(table, "source") if "source" in table.keys() else None
    if source and "package" in table.keys():
        table.fail("source", "none together with package, since each names the main package")
    staging = _version(table, "staging") if "staging" in table.keys() else ""
    stamps = table.table("stamps")
    program = go.Program(
        "" if source else table.string("package"),
        _version(table, "version"),
        tuple(table.strings("tags", [])),
        _target(table),
        source,
        table.string("module", None if source or staging else ""),
        staging,
        tuple((name, stamps.string(name)) for name in stamps.keys()),
    )
    table.finish()
    return program


def _download(table: Table) -> Download:
    url, checksum = table.string("url"), table.string("sha256")
    if not re.match("https?://.", url):
        table.fail("url", f"an http or https URL, got {url!r}")
    if not re.fullmatch("[0-9a-f]{64}", checksum):
        table.fail("sha256", f"64 hexadecimal digits in lower case, got {checksum!r}")
    download = Download(url, checksum, _target(table), _mode(table))
    table.finish()
    return download


def _container_image(table: Table) -> ContainerImage:
    name = table.string("name")
    if not re.fullmatch(r"[a-z0-9][\w.-]*(/[a-z0-9][\w.-]*)+:[\w.-]+", name):
        table.fail("name", f'a name such as "example.org/tool:1", got {name!r}')
    image = ContainerImage(
        name,
        _target(table),
        _folder(table, "folder") if "folder" in table.keys() else None,
        tuple(_links(table.table("files")).items()),
        tuple(table.strings("entrypoint")),
        tuple(table.strings("environment", [])),
    )
    table.finish()
    return image


def _preparation(table: Table) -> Preparation:
    limit = table.integer("limit", 1, 3600, "s", default=300)
    preparation = Preparation(table.string("what"), _source(table, "script"), limit)
    table.finish()
    return preparation


def _version(table: Table, key: str) -> str:
    version = table.string(key)
    if not re.fullmatch(r"v\d+\.\d+\.\d+[-+.\w]*", version):
        table.fail(key, f'a version of a module such as "v1.2.3", got {version!r}')
    return version


def _folder(table: Table, key: str) -> Path:
    folder = table.file.parent / table.string(key)
    if not folder.is_dir():
        table.fail(key, f"a folder beside the definition, but there is no {folder}")
    return folder


def _target(table: Table) -> str:
    target = table.string("target")
    if not target.startswith("/"):
        table.fail("target", f"an absolute path, got {target!r}")
    return target


def _unit(table: Table) -> Unit:
    unit = Unit(_source(table), table.string("wanted_by", ""))
    table.finish()
    return unit


def _mask(table: Table) -> Mask:
    mask = Mask(tuple(table.strings("names")), table.string("reason"))
    table.finish()
    return mask
