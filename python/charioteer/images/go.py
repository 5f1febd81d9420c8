"""Programs for guests, compiled from published Go modules or from local sources that use them."""

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

# Where Go is when it is not on PATH.
_PATHS = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")
# From this version on, Go downloads the newer Go toolchain that a module requires.
_MIN_VERSION = (1, 21)
INSTALL = "apt-get install -t bookworm-backports golang-go on Debian 12, or https://go.dev/dl"
_NO_NETWORK = re.compile(r"dial tcp|no such host|connection refused|i/o timeout|proxyconnect")


@dataclass(frozen=True)
class Program:
    """A main package, linked statically: `package` of a published module, or the folder `source`."""

    package: str
    version: str
    """The version of the module that contains `package`, or that `source` is compiled against."""
    tags: tuple[str, ...]
    target: str
    source: Path | None = None
    module: str = ""
    """The module's path; needed with `source` or `staging`."""
    staging: str = ""
    """The published version of modules that `module` replaces by folders of its source; or empty."""
    stamps: tuple[tuple[str, str], ...] = ()
    """Pairs of a string variable, by package and name, and the value that the linker gives it."""

    @property
    def name(self) -> str:
        """The name of the built file."""
        return self.source.name if self.source else self.package.rpartition("/")[2]


def folder_name(program: Program) -> str:
    """The name of the program's folder in the cache, with a hash of everything it is made from."""
    parts = [program.package, program.version, *program.tags]
    for key, value in (("module", program.module), ("staging", program.staging), *program.stamps):
        parts += [key, value] if value else []
    contents = [part.encode() for part in parts]
    if program.source:
        contents += store.contents(program.source)
    return f"go-{program.name}-{store.digest(contents)}"


def obtain(program: Program, step: Step) -> Path:
    """The program, built unless it is in the cache. Raises BuildError.

    Go verifies the modules by the checksum database, according to its own settings.
    """

    def waiting() -> None:
        step.show(f"waiting for another run that builds {program.name}")

    def make(folder: Path) -> None:
        step.show(f"{program.name} {program.version} from its Go modules, which takes minutes")
        _install(program, folder)

    return store.obtain(folder_name(program), make, waiting) / program.name


def _install(program: Program, folder: Path) -> None:
    """Builds in a module made for it, whose go.mod and go.sum stay as a record of the versions.

    `go install PACKAGE@VERSION` would also request the list of the module's versions, which not
    every proxy provides.
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
    """Options of `go mod edit` for modules that `module` replaces by folders of its source tree.

    Go applies replacements of the main module only, and those folders are not in the published
    module; the same modules are published separately, under the version `staging`.
    """
    module = go.query("mod", "download", "-json", f"{program.module}@{program.version}")
    replaced = go.query("mod", "edit", "-json", module["GoMod"])["Replace"] or []
    paths = [entry["Old"]["Path"] for entry in replaced if entry["New"]["Path"].startswith("./")]
    return [f"-replace={path}={path}@{program.staging}" for path in paths]


class _Go:
    """The command `go`, run in the folder where `program` is built."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._log = store.log_of(folder.name)
        self._command = compiler(program.name)
        # Debian's Go does not download a newer toolchain by default.
        self._environment = {"GOTOOLCHAIN": "auto", **os.environ}
        self._environment |= {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}

    def run(self, *arguments: str) -> None:
        """Runs `go`. Raises BuildError when it fails."""
        command = [self._command, *arguments]
        if tool.run(command, self._log, folder=self._folder, environment=self._environment) != 0:
            raise BuildError(_explain(self._program, self._log), self._log)

    def query(self, *arguments: str) -> Any:
        """The output of `go`, parsed as JSON. Raises BuildError when it fails."""
        done = subprocess.run(
            [self._command, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        result = json.loads(done.stdout or "{}")
        if done.returncode != 0:
            # When a module cannot be downloaded, the reason is in the JSON, not in stderr.
            self._log.write_text(result.get("Error") or done.stderr)
            raise BuildError(_explain(self._program, self._log), self._log)
        return result


def _explain(program: Program, log: Path) -> str:
    output = log.read_text(errors="replace").strip()
    reason = "the module proxy cannot be reached: " if _NO_NETWORK.search(output) else ""
    last = output.splitlines()[-1] if output else "no output"
    return f"cannot build {program.name} {program.version}: {reason}{last} (whole log: {log})"


def compiler(what: str) -> str:
    """The path of a Go that is new enough to compile `what`. Raises BuildError."""
    found = shutil.which("go") or next((path for path in _PATHS if os.access(path, os.X_OK)), None)
    if not found:
        raise BuildError(f"go: not installed; {what} is compiled with it ({INSTALL})")
    version = subprocess.run(
        [found, "env", "GOVERSION"], capture_output=True, text=True, check=False
    )
    numbers = re.match(r"go(\d+)\.(\d+)", version.stdout)
    if not numbers or (int(numbers[1]), int(numbers[2])) < _MIN_VERSION:
        actual = version.stdout.strip() or "of unknown version"
        oldest = ".".join(map(str, _MIN_VERSION))
        raise BuildError(f"{found} is {actual}; {what} needs {oldest} or newer ({INSTALL})")
    return found
