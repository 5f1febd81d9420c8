"""The metadata of the Debian package and of the wheel."""

import email
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import charioteer
import pytest
from charioteer import paths
from charioteer.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
DEBIAN = ROOT / "packaging/debian"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Of the build dependencies those that only Debian's packages use; make deps has g++ and make.
OF_PACKAGES = {"debhelper", "dh-python"}
# What Debian's packages of PyPI's are called; others begin with python3-.
NAMES = {"ptpython": "ptpython"}


def output(*code: str, arguments: tuple[str, ...] = ()) -> str:
    """What a program of lines that use the modules of scripts/ prints."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def packages(paragraph: str, field: str) -> set[str]:
    """The packages of a field of packaging/debian/control."""
    code = f"print(*s.packages(s.fields({paragraph!r})[{field!r}]))"
    return set(output("import debian_source as s", code).split())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The packages that make deps installs on Debian 12."""
    release = tmp_path_factory.mktemp("release") / "os-release"
    release.write_text('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n')
    done = subprocess.run(
        [ROOT / "scripts/deps", "--list", "golang-go"],
        env={**os.environ, "CHARIOTEER_OS_RELEASE": str(release)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


class TestDebianPackage:
    def test_is_built_with_packages_of_make_deps(self, installed: set[str]) -> None:
        needed = packages("Source", "Build-Depends")
        assert OF_PACKAGES < needed
        assert needed - OF_PACKAGES - installed == set()

    @pytest.mark.parametrize("field", ["Depends", "Recommends", "Suggests"])
    def test_runs_with_packages_of_make_deps(self, installed: set[str], field: str) -> None:
        assert packages("Package", field) - installed == set()

    def test_depends_on_the_python_packages_of_the_wheel(self) -> None:
        wanted = {NAMES.get(name, f"python3-{name}") for name in PROJECT["project"]["dependencies"]}
        assert wanted <= packages("Package", "Depends")

    def test_has_a_test_that_boots_machines(self) -> None:
        control = email.message_from_string(
            (DEBIAN / "tests/control").read_text().split("\n", 1)[1]
        )
        script = DEBIAN / "tests" / control["Tests"]
        assert os.access(script, os.X_OK)
        # Those build guests, and apt installs them by default.
        assert control["Depends"] == "@, @recommends@"
        assert "charioteer run /usr/share/charioteer/examples/ping" in script.read_text()

    def test_its_documents_have_names_of_their_own(self) -> None:
        # They are installed into one folder, without the folders in which they are here.
        documents = [
            path.name
            for pattern in (DEBIAN / "charioteer.docs").read_text().split()
            for path in ROOT.glob(pattern)
        ]
        assert "docs" in documents and len(documents) == len(set(documents))

    def test_its_tree_has_the_version_and_the_archive(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib, debian_source as s; print(s.prepare(pathlib.Path(sys.argv[1])))"
        )
        tree = Path(output(code, arguments=(str(tmp_path),)).strip())
        version = charioteer.__version__
        assert (tmp_path / f"charioteer_{version}.orig.tar.gz").is_file()
        assert os.access(tree / "debian/rules", os.X_OK)
        first, *_, last = (tree / "debian/changelog").read_text().splitlines()
        assert first == f"charioteer ({version}-1) unstable; urgency=medium"
        # Debian's tools accept no other form.
        assert re.fullmatch(r" -- .+ <\S+@\S+>  \w{3}, \d\d \w{3} \d{4} [\d:]{8} [+-]\d{4}", last)


class TestWheel:
    def test_is_made_and_installed_without_packages_of_pythonpath(self) -> None:
        commands = output(
            "import pathlib, runpy, sys",
            "steps = runpy.run_path(sys.argv[1])['steps']",
            "steps.__globals__['only'] = lambda folder, pattern: folder / pattern",
            "for step in steps('tools', 'python3', 'cp311', pathlib.Path('source')):",
            "    print(*step.command)",
            arguments=(str(ROOT / "scripts/make-wheel"),),
        )
        assert commands.count("-I -m pip ") == 2
        assert commands.count(" -I -m ") == commands.count(" -m ")

    def test_is_made_for_cpython(self, tmp_path: Path) -> None:
        python = tmp_path / "pypy3"
        python.write_text("#!/bin/sh\necho pypy 311\n")
        python.chmod(0o755)
        done = subprocess.run([ROOT / "scripts/make-wheel", python], capture_output=True, text=True)
        assert done.returncode == 2
        assert f"{python}: expected CPython, got pypy" in done.stderr

    def test_has_the_version_of_cmake(self) -> None:
        setting = PROJECT["tool"]["scikit-build"]["metadata"]["version"]
        match = re.search(setting["regex"], (ROOT / setting["input"]).read_text(), re.MULTILINE)
        assert match is not None and match["value"] == charioteer.__version__

    def test_has_the_programs_of_an_installation(self) -> None:
        programs = PROJECT["project"]["scripts"]
        cmake = (ROOT / "cmake/python_packages.cmake").read_text()
        assert set(programs) == set(re.findall(r"^charioteer_program\(([a-z-]+) ", cmake, re.M))
        for target in programs.values():
            module, _, function = target.partition(":")
            assert callable(getattr(importlib.import_module(module), function))

    def test_has_the_plugin_of_pytest(self) -> None:
        (module,) = PROJECT["project"]["entry-points"]["pytest11"].values()
        assert importlib.util.find_spec(module) is not None

    def test_finds_its_data_in_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = tmp_path / "site-packages/charioteer"
        (package / "machines/minimal").mkdir(parents=True)
        (package / "machines/minimal/guest.toml").touch()
        monkeypatch.setattr(paths, "__file__", str(package / "paths.py"))
        assert paths.machines() == package / "machines"
        assert paths.examples() == package / "examples"
        (package / "machines/minimal/guest.toml").unlink()
        with pytest.raises(InputError, match=f"{package}: no folder machines/ in it"):
            paths.machines()


def test_without_the_core_there_is_no_version() -> None:
    code = "import charioteer; print(hasattr(charioteer, '__version__'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "command, status, message",
    [
        (("python-tools", "other"), 1, "expected schema, site or wheel, got 'other'"),
        (("make-wheel", "/no/python"), 2, "/no/python: No such file or directory"),
        (("make-deb", "--dry"), 2, "unrecognized arguments: --dry"),
    ],
)
def test_wrong_arguments_are_refused(command: tuple[str, ...], status: int, message: str) -> None:
    program, *arguments = command
    done = subprocess.run([ROOT / "scripts" / program, *arguments], capture_output=True, text=True)
    assert done.returncode == status and message in done.stderr
