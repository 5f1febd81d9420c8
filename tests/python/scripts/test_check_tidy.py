"""scripts/check-tidy, with a clang-tidy that reports the word BAD."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

FAKE = """#!/usr/bin/python3
import pathlib, re, sys
file = pathlib.Path(sys.argv[-1])
print(file.name, file=open("calls", "a"))
sources = re.findall('#include "(/.*)"', file.read_text()) or [str(file)]
bad = [source for source in sources if "BAD" in pathlib.Path(source).read_text()]
for source in map(pathlib.Path, sources):
    if "CHANGING" in source.read_text(): source.write_text("int changed;")
print(*(f"{source}: finding" for source in bad), sep="\\n")
sys.exit(bool(bad))
"""


class Tree:
    """A project with sources in one folder, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("scripts", "driver/part", "build", "bin"):
            (folder / name).mkdir(parents=True)
        for name in ("check-tidy", "passed.py"):
            (folder / "scripts" / name).write_text((ROOT / "scripts" / name).read_text())
        (folder / "python").symlink_to(ROOT / "python")
        (folder / ".clang-tidy").touch()
        self.write_program("clang-tidy-14", FAKE)
        self.write_program("dpkg-query", "#!/bin/sh\necho 1\n")

    def write_program(self, name: str, text: str) -> None:
        (self.folder / "bin" / name).write_text(text)
        (self.folder / "bin" / name).chmod(0o755)

    def write(self, **sources: str) -> None:
        for name, text in sources.items():
            (self.folder / f"driver/part/{name}.cpp").write_text(text)
        entries = [
            {
                "file": str(source),
                "directory": str(self.folder),
                "command": f"g++ -o {source.stem}.cpp.o -c {source}",
            }
            for source in sorted((self.folder / "driver/part").iterdir())
        ]
        (self.folder / "build/compile_commands.json").write_text(json.dumps(entries))

    def check(self) -> subprocess.CompletedProcess[str]:
        """Runs the check; `calls` has the files that clang-tidy read."""
        path = f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"
        (self.folder / "calls").write_text("")
        cache = str(self.folder / "cache")
        own = {"PATH": path, "XDG_CACHE_HOME": cache, "CHARIOTEER_CACHE": f"{cache}/charioteer"}
        return subprocess.run(
            ["python3", self.folder / "scripts/check-tidy", self.folder / "build"],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
        )

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().split()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_sources_of_a_folder_are_checked_at_once(tree: Tree) -> None:
    tree.write(one="int one;", two="int two;")
    done = tree.check()
    assert done.returncode == 0, done.stderr
    assert tree.calls == ["batch_0.cpp"]


def test_a_finding_is_reported_for_its_source_alone(tree: Tree) -> None:
    tree.write(one="int one;", two="BAD")
    done = tree.check()
    assert done.returncode == 1
    assert done.stdout.strip().endswith("two.cpp: finding")
    assert "one.cpp" not in done.stdout
    assert tree.calls == ["batch_0.cpp", "one.cpp", "two.cpp"]


def test_only_sources_that_changed_or_had_findings_are_checked_again(tree: Tree) -> None:
    tree.write(one="int one;", two="BAD", three="int three;")
    tree.check()
    tree.write(two="int two;")
    assert tree.check().returncode == 0
    assert tree.calls == ["two.cpp"]
    assert tree.check().stdout == "clang-tidy: no findings in 3 files, of which 0 had changed\n"
    assert tree.calls == []


def test_another_version_of_a_package_checks_all_sources_again(tree: Tree) -> None:
    tree.write(one="int one;", two="int two;")
    tree.check()
    tree.write_program("dpkg-query", "#!/bin/sh\necho 2\n")
    assert tree.check().returncode == 0
    assert tree.calls == ["batch_0.cpp"]


@pytest.mark.parametrize("sources", [{}, {"other": "int other;"}])
def test_a_source_that_changes_during_the_check_is_checked_again(
    tree: Tree, sources: dict[str, str]
) -> None:
    tree.write(**sources, one="CHANGING")
    assert tree.check().returncode == 0
    assert (tree.folder / "driver/part/one.cpp").read_text() == "int changed;"
    tree.write(one="CHANGING")
    assert tree.check().returncode == 0
    assert tree.calls == ["one.cpp"]
