"""What scripts/format and scripts/check-python skip, with programs that report the word BAD."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CPP = "driver/part/one.cpp"
HELPER = "tests/support/helper.py"
TEST = "tests/one/test_one.py"
OTHER = "tests/other/test_other.py"
CODE = "python/code/one.py"
FAKE = """#!/usr/bin/python3
import pathlib, sys
name, *words = sys.argv
print(pathlib.Path(name).name, *(word for word in words if word[0] != "-"), file=open("calls", "a"))
files = [path for word in words for path in (pathlib.Path(word), *pathlib.Path(word).rglob("*.py"))]
bad = [file for file in files if file.is_file() and "BAD" in file.read_text()]
for file in files:
    if file.is_file() and f"changed by {pathlib.Path(name).name}" in file.read_text():
        file.write_text("changed = True")
if "-i" in words or "--quiet" in words:
    for file in bad: file.write_text(file.read_text().replace("BAD", "GOOD"))
    sys.exit(0)
for file in bad:
    print(f"{file}:1:1: error: [-Wclang-format-violations]", file=sys.stderr)
    print(f"would reformat {file}", file=sys.stderr)
sys.exit(bool(bad))
"""


def outer_environment() -> dict[str, str]:
    """This process' environment, without what git sets for hooks."""
    return {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}


class Tree:
    """A project with a source of each kind, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "bin"
        for name in ("format", "check-python", "passed.py"):
            text = (ROOT / "scripts" / name).read_text().replace("/usr/bin/", f"{programs}/")
            self.write(f"scripts/{name}", text.replace(f"#!{programs}/", "#!/usr/bin/"))
        for name in ("clang-format-14", "black", "mypy", "pyflakes3"):
            self.write(f"bin/{name}", FAKE)
            (programs / name).chmod(0o755)
        self.write("bin/dpkg-query", "#!/bin/sh\necho 1\n")
        (programs / "dpkg-query").chmod(0o755)
        for name in (".clang-format", "pyproject.toml", "examples/ping/test.py", CPP, CODE, OTHER):
            self.write(name, "")
        self.write(HELPER, "")
        self.write(TEST, "from support import helper")
        (folder / "nix").mkdir()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def run(
        self, program: str, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a script; `calls` has the programs that it ran, and their files."""
        path = f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"
        (self.folder / "calls").write_text("")
        cache = str(self.folder / "cache")
        own = {"PATH": path, "XDG_CACHE_HOME": cache, "CHARIOTEER_CACHE": f"{cache}/charioteer"}
        own["PYTHONUSERBASE"] = str(self.folder / "user")
        return subprocess.run(
            ["/usr/bin/python3", self.folder / "scripts" / program, *arguments],
            env={**outer_environment(), **own, **variables},
            capture_output=True,
            text=True,
        )

    def git(self, *arguments: str) -> None:
        command = ["git", *arguments]
        subprocess.run(command, cwd=self.folder, env=outer_environment(), check=True)

    def checked(self) -> set[str]:
        """The files that the programs have read."""
        return {file for call in self.calls() for file in call.split()[1:]}

    def calls(self) -> list[str]:
        """The calls of programs, with files relative to the project."""
        text = (self.folder / "calls").read_text()
        return text.replace(f"{self.folder}/", "").splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "project")


class TestFormat:
    def test_unformatted_files_are_named(self, tree: Tree) -> None:
        tree.write(CPP, "BAD")
        tree.write(CODE, "BAD")
        done = tree.run("format", "--check")
        lines = [f"{CPP}: not formatted", f"{CODE}: not formatted", "format: run make format"]
        assert done.stdout.splitlines() == lines and done.returncode == 1

    def test_files_are_formatted(self, tree: Tree) -> None:
        tree.write(CPP, "BAD")
        tree.write(CODE, "BAD")
        assert tree.run("format").returncode == 0
        assert (tree.folder / CPP).read_text() == (tree.folder / CODE).read_text() == "GOOD"
        assert tree.run("format", "--check").returncode == 0
        # Once more, since a formatter may change what it has formatted.
        assert tree.calls() == [f"clang-format-14 {CPP}", f"black {CODE}"]

    def test_formatted_files_are_skipped_until_they_change(self, tree: Tree) -> None:
        assert tree.run("format", "--check").returncode == 0
        assert f"clang-format-14 {CPP}" in tree.calls()
        assert tree.run("format", "--check").returncode == 0
        assert tree.calls() == []
        tree.write(CODE, "BAD")
        assert tree.run("format", "--check").returncode == 1
        assert tree.run("format", "--check").returncode == 1
        assert tree.calls() == [f"black {CODE}"]

    @pytest.mark.parametrize(
        "settings, program", [(".clang-format", "clang-format-14"), ("pyproject.toml", "black")]
    )
    def test_new_settings_apply_to_all_files(self, tree: Tree, settings: str, program: str) -> None:
        tree.run("format", "--check")
        tree.write(settings, "# other")
        tree.run("format", "--check")
        assert {call.split()[0] for call in tree.calls()} == {program}

    def test_another_version_of_a_formatter_checks_all_files_again(self, tree: Tree) -> None:
        tree.run("format", "--check")
        first = tree.calls()
        tree.write("bin/dpkg-query", "#!/bin/sh\necho 2\n")
        tree.run("format", "--check")
        assert tree.calls() == first and tree.checked() > {CPP, CODE}

    def test_another_version_of_the_script_checks_all_files_again(self, tree: Tree) -> None:
        tree.run("format", "--check")
        script = (tree.folder / "scripts/format").read_text()
        tree.write("scripts/format", f"{script}# other\n")
        tree.run("format", "--check")
        assert tree.checked() > {CPP, CODE}

    @pytest.mark.parametrize("arguments", [(), ("--check",)])
    def test_a_file_that_changes_during_the_check_is_checked_again(
        self, tree: Tree, arguments: tuple[str, ...]
    ) -> None:
        tree.write(CODE, "changed by black")
        assert tree.run("format", *arguments).returncode == 0
        assert (tree.folder / CODE).read_text() == "changed = True"
        tree.write(CODE, "changed by black")
        assert tree.run("format", *arguments).returncode == 0
        assert tree.calls() == [f"black {CODE}"]

    def test_files_that_git_ignores_are_left_out(self, tree: Tree) -> None:
        tree.write(".gitignore", "ignored.*\n")
        tree.git("init", "--quiet")
        tree.git("add", CPP, CODE, TEST)
        (tree.folder / TEST).unlink()
        tree.write("python/code/ignored.py", "BAD")
        tree.write("driver/part/ignored.cpp", "BAD")
        assert tree.run("format", "--check").returncode == 0
        # The helper is not tracked, and the test has been deleted.
        assert tree.checked() > {CPP, CODE, HELPER}
        assert not tree.checked() & {TEST, "python/code/ignored.py", "driver/part/ignored.cpp"}

    @pytest.mark.parametrize("repository", [False, True])
    def test_names_that_begin_with_a_dot_are_left_out(self, tree: Tree, repository: bool) -> None:
        if repository:
            tree.git("init", "--quiet")
        tree.write("tests/.venv/lib/one.py", "BAD")
        # Such a lock file of Emacs names a user and a process.
        (tree.folder / "python/code/.#one.py").symlink_to("user@host.1")
        assert tree.run("format", "--check").returncode == 0
        assert CODE in tree.checked()

    def test_a_repository_around_the_project_is_not_used(self, tree: Tree, tmp_path: Path) -> None:
        tree.git("init", "--quiet", str(tmp_path))
        (tmp_path / ".gitignore").write_text("*")
        tree.run("format", "--check")
        assert CODE in tree.checked()

    def test_a_formatter_that_does_not_run_is_named(self, tree: Tree) -> None:
        (tree.folder / "bin/black").unlink()
        done = tree.run("format", "--check")
        assert f"cannot run {tree.folder}/bin/black" in done.stdout and done.returncode == 1


class TestCheckPython:
    def test_what_has_not_changed_is_skipped(self, tree: Tree) -> None:
        assert tree.run("check-python").returncode == 0
        assert "mypy tests/one" in tree.calls()
        assert tree.run("check-python").returncode == 0
        assert tree.calls() == []

    def test_a_file_with_findings_is_checked_again(self, tree: Tree) -> None:
        tree.run("check-python")
        tree.write(TEST, "BAD: int")
        for _ in range(2):
            assert tree.run("check-python").returncode == 1
            assert tree.calls() == [f"pyflakes3 {TEST}"]

    def test_folders_that_import_a_changed_file_are_checked_again(self, tree: Tree) -> None:
        tree.run("check-python")
        tree.write(HELPER, "other: int")
        assert tree.run("check-python").returncode == 0
        assert tree.calls() == [f"pyflakes3 {HELPER}", "mypy tests/one", "mypy tests/support"]

    def test_everything_is_checked_again_when_the_packages_change(self, tree: Tree) -> None:
        tree.run("check-python")
        tree.write(CODE, "other: int")
        assert tree.run("check-python").returncode == 0
        folders = [call for call in tree.calls() if call.startswith("mypy tests/")]
        assert folders == ["mypy tests/one", "mypy tests/other", "mypy tests/support"]
        assert len(tree.calls()) == 5

    def test_another_version_of_a_package_checks_everything_again(self, tree: Tree) -> None:
        tree.run("check-python")
        first = tree.calls()
        tree.write("bin/dpkg-query", "#!/bin/sh\necho 2\n")
        tree.run("check-python")
        assert tree.calls() == first

    def test_packages_outside_the_project_check_everything_again(self, tree: Tree) -> None:
        tree.run("check-python")
        first = tree.calls()
        tree.run("check-python", MYPYPATH="stubs")
        assert tree.calls() == first
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        tree.write(f"user/lib/python{version}/site-packages/one/py.typed", "")
        tree.run("check-python")
        assert tree.calls() == first
        tree.run("check-python")
        assert tree.calls() == []

    @pytest.mark.parametrize(
        "program, call", [("pyflakes3", f"pyflakes3 {OTHER}"), ("mypy", "mypy tests/other")]
    )
    def test_a_file_that_changes_during_the_check_is_checked_again(
        self, tree: Tree, program: str, call: str
    ) -> None:
        tree.write(OTHER, f"# changed by {program}")
        assert tree.run("check-python").returncode == 0
        assert (tree.folder / OTHER).read_text() == "changed = True"
        tree.write(OTHER, f"# changed by {program}")
        assert tree.run("check-python").returncode == 0
        assert call in tree.calls()

    def test_files_that_git_ignores_are_left_out(self, tree: Tree) -> None:
        tree.write(".gitignore", "charioteer_names.pyi\n")
        tree.git("init", "--quiet")
        tree.write("examples/ping/charioteer_names.pyi", "def")
        tree.write("tests/.venv/lib/one.py", "BAD")
        assert tree.run("check-python").returncode == 0
        assert OTHER in tree.checked() and "tests/.venv" not in tree.checked()

    def test_an_example_that_is_no_python_is_refused(self, tree: Tree) -> None:
        tree.write("examples/ping/test.py", "def")
        done = tree.run("check-python")
        assert "SyntaxError" in done.stderr and done.returncode == 1
