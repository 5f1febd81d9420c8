"""Programs for guests that are built from published Go modules, or from our own source against them."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """A main package, built static: `package` of a published module, or the folder `source`."""

    package: str
    version: str
    """Of the module: the one of `package`, or the one that `source` is built against."""
    tags: tuple[str, ...]
    target: str
    source: Path | None = None
    module: str = ""
    """The module's path, for a build that has to name it."""
    staging: str = ""
    """The published version of the modules that `module` takes from folders of its own; or empty."""
    stamps: tuple[tuple[str, str], ...] = ()
    """String variables, by package and name, that get another value when the program is linked."""

    @property
    def name(self) -> str:
        """What the built file is called."""
        return self.source.name if self.source else self.package.rpartition("/")[2]


def folder_name(program: Program) -> str:
    """The name of the cache's folder with the built program, by all that it is made from."""
    parts = [program.package, program.version, *program.tags]
    for key, value in (("module", program.module), ("staging", program.staging), *program.stamps):
        parts += [key, value] if value else []
    contents = [part.encode() for part in parts]
    if program.source:
        contents += store.contents(program.source)
    return f"go-{program.name}-{store.digest(contents)}"


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
    go = _Go(program, folder)
    go.run("mod", "init", "charioteer.invalid/build")
    if program.staging:
        go.run("mod", "edit", *_replacements(program, go))
    package = program.package
    go.run("get", f"{program.module if program.source else package}@{program.version}")
    if program.source:
        package = f"./{program.name}.source"
        shutil.copytree(program.source, folder / package)
    flags = "".join(f" -X '{variable}={value}'" for variable, value in program.stamps)
    build = ["build", "-trimpath", f"-ldflags=-s -w{flags}", f"-tags={','.join(program.tags)}"]
    go.run(*build, "-o", program.name, package)


def _replacements(program: Program, go: "_Go") -> list[str]:
    """Options of `go mod edit` for what the module replaces by folders of its own source tree.

    Replacements count in the main module only, and those folders are not in the published module;
    the same modules are published beside it, under the version `staging`.
    """
    module = go.ask("mod", "download", "-json", f"{program.module}@{program.version}")
    replaced = go.ask("mod", "edit", "-json", module["GoMod"])["Replace"] or []
    paths = [entry["Old"]["Path"] for entry in replaced if entry["New"]["Path"].startswith("./")]
    return [f"-replace={path}={path}@{program.staging}" for path in paths]


class _Go:
    """The command `go`, in the folder where `program` is built."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._log = store.log_of(folder.name)
        self._command = _compiler(program)
        # Debian's Go does not fetch a newer one by itself.
        self._environment = {"GOTOOLCHAIN": "auto", **os.environ}
        self._environment |= {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}

    def run(self, *arguments: str) -> None:
        """Raises BuildError when it fails."""
        command = [self._command, *arguments]
        if tool.run(command, self._log, folder=self._folder, environment=self._environment) != 0:
            raise BuildError(_explain(self._program, self._log))

    def ask(self, *arguments: str) -> Any:
        """The answer, which is JSON. Raises BuildError when it fails."""
        done = subprocess.run(
            [self._command, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(done.stdout or "{}")
        if done.returncode != 0:
            # Of a module that cannot be had, the reason is in the answer.
            self._log.write_text(answer.get("Error") or done.stderr)
            raise BuildError(_explain(self._program, self._log))
        return answer


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
