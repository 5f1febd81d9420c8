"""`charioteer stubs`: the names of a script for editors and type checkers."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from charioteer import paths
from charioteer.cli import program, stubs
from charioteer.cluster import definition
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.driver import Driver
from charioteer.testing.logger import CompositeLogger

ROOT = Path(__file__).resolve().parents[3]
LINTERS = ROOT / "scripts/linters"
PACKAGES = ROOT / "python"
# The project's settings for its packages, so that mypy takes them from the cache of
# scripts/check-python: reading them takes a minute of processor time. Scripts have no annotations.
MYPY_SETTINGS = """
[[tool.mypy.overrides]]
module = "checked.*"
disallow_untyped_defs = false
disallow_untyped_calls = false
disallow_incomplete_defs = false
"""
ONE = '[machines.web-1]\nguest = "minimal"\nvlans = [3]\n'
MISSPELT = "web_1.suceed('true')\nweb_2.succeed('true')\n"


def make(folder: Path, cluster: str = ONE, script: str = "") -> Path:
    folder.mkdir()
    (folder / "cluster.toml").write_text(cluster)
    (folder / "test.py").write_text(script)
    assert program.main(["stubs", str(folder)]) == 0
    return folder


def names_in(stub: str) -> dict[str, str]:
    """The public names of a stub, with the annotations of variables."""
    found: dict[str, str] = {}
    for node in ast.parse(stub).body:
        if isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = ast.unparse(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = ""
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {str(each.asname): "" for each in node.names}
    return {name: kind for name, kind in found.items() if not name.startswith("_")}


class TestNames:
    def test_are_those_of_the_driver(self, tmp_path: Path) -> None:
        config = DriverConfiguration({}, {}, [], 3600, False, Path("/dev/null"))
        general = set(Driver(config, tmp_path, CompositeLogger()).test_symbols())
        found = names_in((make(tmp_path / "one") / stubs.NAMES).read_text())
        assert set(found) == general | {"web_1", "machine", "vlan3"}

    def test_of_machines_have_their_kinds(self, tmp_path: Path) -> None:
        text = ONE + '[containers.box]\nguest = "debian"\n'
        found = names_in((make(tmp_path / "two", text) / stubs.NAMES).read_text())
        assert found["web_1"] == "QemuMachine" and found["box"] == "NspawnMachine"
        assert found["vlan1"] == found["vlan3"] == "_VLan"
        assert "machine" not in found


class TestFiles:
    def test_are_replaced(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = make(tmp_path / "one")
        before = (folder / stubs.NAMES).read_text()
        assert program.main(["stubs", str(folder / "cluster.toml")]) == 0
        assert (folder / stubs.NAMES).read_text() == before
        assert f"{folder}/{stubs.BUILTINS}" in capsys.readouterr().out

    def test_of_others_are_not_overwritten(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = make(tmp_path / "one")
        (folder / stubs.BUILTINS).write_text("mine: int\n")
        assert program.main(["stubs", str(folder)]) == 2
        assert f"{folder}/{stubs.BUILTINS} is not of this program" in capsys.readouterr().err
        assert (folder / stubs.BUILTINS).read_text() == "mine: int\n"


def check(*command: str | Path, cwd: Path) -> str:
    """The output of a type checker."""
    done = subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.limit(180)
def test_mypy_accepts_the_examples_and_finds_misspelt_names(tmp_path: Path) -> None:
    # Modules of one run of mypy, which reads the packages once.
    checked = tmp_path / "checked"
    checked.mkdir()
    (checked / "__init__.py").touch()
    scripts = {file.parent.name: file.read_text() for file in paths.examples().glob("*/test.py")}
    for name, text in {**scripts, "wrong": MISSPELT}.items():
        unique = name.replace("-", "_")
        folder = paths.examples() / name if name != "wrong" else make(tmp_path / "wrong")
        (checked / f"names_{unique}.pyi").write_text(stubs.names_of(definition.load(folder)))
        names = f"from checked.names_{unique} import *"
        head = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING: {names}\n"
        (checked / f"{unique}.py").write_text(head + text)
    settings = tmp_path / "pyproject.toml"
    settings.write_text((ROOT / "pyproject.toml").read_text() + MYPY_SETTINGS)
    output = check("/usr/bin/mypy", "--config-file", settings, checked, cwd=ROOT)
    lines = [line for line in output.splitlines() if "error:" in line]
    # Newer releases of mypy propose a name that exists.
    errors = [re.sub(r"; did you mean .*\?", "", line.partition(": error: ")[2]) for line in lines]
    assert errors == [
        '"QemuMachine" has no attribute "suceed"  [attr-defined]',
        'Name "web_2" is not defined  [name-defined]',
    ], output


def test_ty_finds_misspelt_names_without_a_line_in_the_script(tmp_path: Path) -> None:
    linters = subprocess.run([LINTERS], capture_output=True, text=True)
    if linters.returncode != 0:
        pytest.skip(linters.stderr)
    folder = make(tmp_path / "one", script=f"web_1.succeed('true')\n{MISSPELT}")
    ty = Path(linters.stdout.strip()) / "ty"
    output = check(ty, "check", "--extra-search-path", PACKAGES, "test.py", cwd=folder)
    errors = [line for line in output.splitlines() if line.startswith("error")]
    assert len(errors) == 2 and "`suceed`" in errors[0] and "`web_2`" in errors[1], output
