"""The file that names the hosts of a run."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from charioteer.errors import InputError
from charioteer.images.schema import Table

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


@dataclass(frozen=True)
class Host:
    """A host on which machines may run.

    `ssh` is its destination with options, as words; none: this host. `memory` (MB) and `processors`
    are what machines may take there; None: what is free. `folder` is where the folder of the run is
    made; "": the temporary folder there.
    """

    name: str
    ssh: tuple[str, ...] = ()
    memory: int | None = None
    processors: int | None = None
    folder: str = ""

    @property
    def is_local(self) -> bool:
        return not self.ssh


def load(file: Path) -> list[Host]:
    """The hosts of a file, in its order. Raises InputError."""
    table = Table.load(file)
    hosts = [_host(name, entry) for name, entry in table.table("hosts").items()]
    if not hosts:
        table.fail("hosts", "at least one table, [hosts.NAME]")
    if sum(each.is_local for each in hosts) > 1:
        table.fail("hosts", "at most one with local = true")
    table.finish()
    return hosts


def _host(name: str, table: Table) -> Host:
    if not re.fullmatch(_NAME, name):
        table.fail("", f"a name of letters, digits, '.', '_' and '-', got {name!r}")
    is_local = table.boolean("local", False)
    try:
        ssh = tuple(shlex.split(table.string("ssh", "")))
    except ValueError as error:
        raise InputError(f"{table.file}: hosts.{name}.ssh: {error}") from error
    if is_local == bool(ssh):
        table.fail("ssh", 'the destination, as "user@example.org", or local = true')
    given = table.keys()
    host = Host(
        name=name,
        ssh=ssh,
        memory=table.integer("memory", 64, 1 << 30, "MB") if "memory" in given else None,
        processors=table.integer("cpus", 1, 1 << 16) if "cpus" in given else None,
        folder=table.string("folder", ""),
    )
    if host.folder and not host.folder.startswith("/"):
        table.fail("folder", "an absolute path")
    table.finish()
    return host
