"""Programs for guests that are built from published Go modules."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import store, tool
from charioteer.images.progress import Step

_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")
# From this version on, Go fetches the newer one that a module asks for, as a module.
_OLDEST = (1, 21)
_INSTALL = "apt-get install -t bookworm-backports golang-go on Debian 12, or https://go.dev/dl"
_NO_NETWORK = re.compile(r"dial tcp|no such host|connection refused|i/o timeout|proxyconnect")


@dataclass(frozen=True)
class Program:
    """A main package of a published module. It is built static, by name and version."""

    package: str
    version: str
    tags: tuple[str, ...]
    target: str

    @property
    def name(self) -> str:
        """What the built file is called."""
        return self.package.rpartition("/")[2]


def folder_name(program: Program) -> str:
    """The name of the cache's folder with the built program."""
    parts = (program.package, program.version, *program.tags)
    return f"go-{program.name}-{store.digest(part.encode() for part in parts)}"


def obtain(program: Program, step: Step) -> Path:
    """The built program, from the cache if it is there. Raises BuildError.

    Go checks the modules against the checksum database, as its own settings say.
    """

    def waiting() -> None:
        step.now(f"waiting for another run that builds {program.name}")

    def make(folder: Path) -> None:
        step.now(f"{program.name} {program.version} from its Go modules, which takes minutes")
        _install(program, folder)

    return store.obtain(folder_name(program), make, waiting) / program.name


def _install(program: Program, folder: Path) -> None:
    """Builds in a module of its own, whose go.mod and go.sum stay as a record of what went in.

    `go install PACKAGE@VERSION` would also ask for the list of the module's versions, which not
    every proxy gives.
    """
    go = _compiler(program)
    build = [go, "build", "-trimpath", "-ldflags=-s -w", f"-tags={','.join(program.tags)}"]
    # Debian's Go does not fetch a newer one by itself.
    environment = {"GOTOOLCHAIN": "auto", **os.environ}
    environment |= {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    log = store.log_of(folder.name)
    for command in (
        [go, "mod", "init", "charioteer.invalid/build"],
        [go, "get", f"{program.package}@{program.version}"],
        [*build, "-o", program.name, program.package],
    ):
        if tool.run(command, log, folder=folder, environment=environment) != 0:
            raise BuildError(_explain(program, log))


def _explain(program: Program, log: Path) -> str:
    output = log.read_text(errors="replace").strip()
    reason = "the module proxy cannot be reached: " if _NO_NETWORK.search(output) else ""
    last = output.splitlines()[-1] if output else "go said nothing"
    return f"{program.name} {program.version} could not be built: {reason}{last} (all of it: {log})"


def _compiler(program: Program) -> str:
    """The path of a Go that is new enough."""
    found = shutil.which("go") or next(
        (place for place in _PLACES if os.access(place, os.X_OK)), None
    )
    if not found:
        raise BuildError(f"go: not installed, and {program.name} is built with it ({_INSTALL})")
    version = subprocess.run(
        [found, "env", "GOVERSION"], capture_output=True, text=True, check=False
    )
    numbers = re.match(r"go(\d+)\.(\d+)", version.stdout)
    if not numbers or (int(numbers[1]), int(numbers[2])) < _OLDEST:
        what = version.stdout.strip() or "of an unknown version"
        least = ".".join(map(str, _OLDEST))
        raise BuildError(f"{found} is {what}; {program.name} needs {least} or newer ({_INSTALL})")
    return found
