"""The check phase of the package in Nix's sandbox, with only the package's declared inputs."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from real_nix import ROOT, Nix
from sandbox import Sandbox

from support.shared_machines import short_folder

HERE = Path(__file__).resolve().parent
BUILD = (ROOT / "build/release").resolve()
TESSDATA = Path("/usr/share/tesseract-ocr/5/tessdata")
# What stdenv puts on PATH (pkgs/stdenv/generic/common-path.nix), as Debian's packages.
STDENV = "bash bzip2 coreutils diffutils file findutils grep gzip make mawk patch sed tar xz-utils"
# The package's `nativeCheckInputs` and tools.
ADDED = {"procps": "procps", "util-linux": "util-linux"}
# The parts whose tests start programs or read files of the system.
PARTS = ["agent", "machine", "process", "screen"]


def of_package(package: str) -> Iterator[Path]:
    """The programs of a Debian package."""
    listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        path = Path(line)
        if path.parent.name in ("bin", "sbin") and path.is_file():
            yield path


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    with short_folder() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def programs(nix: Nix, module_folder: Path) -> Path:
    """A folder with exactly the programs that the phase may use."""
    folder = module_folder / "programs"
    folder.mkdir()
    added = nix.eval("map (i: i.name) charioteer.package.unwrapped.nativeCheckInputs")
    for package in [*STDENV.split(), *(ADDED[name] for name in added)]:
        for path in of_package(package):
            shutil.copy(path, folder)
    # Debian's names of programs with alternatives.
    shutil.copy("/usr/bin/mawk", folder / "awk")
    shutil.copy("/bin/bash", folder / "sh")
    for path in of_package("cmake"):
        if path.name == "ctest":
            shutil.copy(path, folder)
    return folder


def phases(nix: Nix) -> dict[str, str]:
    """The package's phases, limited to PARTS and without tests that need the host's emulator."""
    unwrapped = "charioteer.package.unwrapped"
    phase = nix.eval(f"{unwrapped}.checkPhase")
    run = "ctest --output-on-failure"
    assert run in phase
    # Other names are those of the emulated agent's groups and of a check of the agent's size.
    phase = phase.replace(run, f"{run} --tests-regex '^({'|'.join(PARTS)})\\.[0-9]+$'")
    before = nix.eval(f"{unwrapped}.preCheck")
    return {
        "phase": phase,
        "preCheck": before.replace(nix.eval(f"{unwrapped}.language.outPath"), "/tessdata"),
    }


def test_unit_tests_that_are_left_out_exist(nix: Nix) -> None:
    names = re.findall(r"\*(\w+)\*", nix.eval("charioteer.package.unwrapped.checkPhase"))
    sources = "".join(file.read_text() for file in (ROOT / "tests/unit").rglob("*.cpp"))
    assert names and [name for name in names if name not in sources] == []


@pytest.mark.limit(300)
def test_the_unit_tests_pass_with_the_declared_inputs(
    nix: Nix, module_folder: Path, programs: Path
) -> None:
    values: dict[str, str | Path] = {
        "build": BUILD,
        "programs": programs,
        "run": module_folder.name,
    }
    visible: list[Path | str] = [
        programs,
        BUILD,
        BUILD.parent.parent / "tests",
        *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/cmake-3.25"),
        f"/bin/sh={programs}/bash",
        f"/tessdata={TESSDATA}",
        # The interpreter of the fake QEMU; the package replaces it by Nix's.
        "/usr/bin/python3=/usr/bin/python3.11",
    ]
    file = HERE / "check_phase.nix"
    sandbox = Sandbox(nix)
    done = sandbox.build(file, {**values, **phases(nix)}, visible, system=[])
    assert done.returncode == 0 and "100% tests passed" in done.stderr, done.stderr
    sandbox.delete(done.stdout.strip())
