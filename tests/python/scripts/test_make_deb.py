"""scripts/make-deb --prepare, in a small repository of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ("make-deb", "chroots.py", "debian_source.py", "source_tree.py", "steps.py")
ARCHIVE = "build/deb/charioteer_0.1.0.orig.tar.gz"
ENVIRONMENT = {
    **os.environ,
    "PYTHONDONTWRITEBYTECODE": "1",
    **{
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "A Tester"), ("EMAIL", "tester@example.org"))
    },
}


class Repository:
    """A repository with the program, the packaging, and one commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scripts").mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy(ROOT / "scripts" / name, folder / "scripts")
        shutil.copytree(ROOT / "packaging/debian", folder / "packaging/debian")
        (folder / "python").symlink_to(ROOT / "python")
        (folder / "CMakeLists.txt").write_text("project(charioteer VERSION 0.1.0 LANGUAGES CXX)\n")
        (folder / "kept").write_text("as committed\n")
        (folder / "removed").touch()
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=first")

    def git(self, *arguments: str) -> None:
        # Otherwise a commit starts maintenance in the background, which changes the folder .git.
        command = ["git", "-c", "maintenance.auto=false", *arguments]
        subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, check=True)

    def start(self) -> subprocess.Popen[str]:
        """Starts make-deb --prepare."""
        return subprocess.Popen(
            [sys.executable, self.folder / "scripts/make-deb", "--prepare"],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def prepare(self) -> tuple[int | None, str]:
        """The exit status of make-deb --prepare, and its errors."""
        process = self.start()
        _, errors = process.communicate()
        return process.returncode, errors

    def objects(self) -> list[Path]:
        """All files of the folder .git, which programs that only read do not change."""
        return sorted((self.folder / ".git").rglob("*"))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_the_tree_has_the_tracked_files_of_the_work_tree(repository: Repository) -> None:
    (repository.folder / "kept").write_text("changed\n")
    (repository.folder / "removed").unlink()
    (repository.folder / "untracked").touch()
    assert repository.prepare() == (0, "")
    tree = repository.folder / "build/deb/charioteer"
    assert (tree / "kept").read_text() == "changed\n"
    assert not (tree / "removed").exists() and not (tree / "untracked").exists()
    assert (tree / "python").readlink() == ROOT / "python"
    assert os.access(tree / "debian/rules", os.X_OK)
    with tarfile.open(repository.folder / ARCHIVE) as archive:
        assert {name.split("/")[0] for name in archive.getnames()} == {"charioteer-0.1.0"}
        assert {member.uid for member in archive} == {0}


def test_the_repository_is_only_read(repository: Repository) -> None:
    (repository.folder / "kept").write_text("changed\n")
    # git writes nothing while another git does.
    (repository.folder / ".git/index.lock").touch()
    before = repository.objects()
    assert repository.prepare() == (0, "")
    assert repository.objects() == before


def test_a_second_run_waits_for_the_first(repository: Repository) -> None:
    output = repository.folder / "build/deb"
    output.mkdir(parents=True)
    (output / "of_first").touch()
    with (repository.folder / "build/deb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = repository.start()
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line == f"make-deb: waiting for another run in {output}\n"
        assert (output / "of_first").exists()
    process.communicate()
    assert process.returncode == 0
    assert not (output / "of_first").exists()


def test_an_error_is_one_line(repository: Repository) -> None:
    file = repository.folder / "build"
    file.touch()
    assert repository.prepare() == (2, f"make-deb: {file}: File exists\n")
    file.unlink()
    shutil.rmtree(repository.folder / ".git")
    status, errors = repository.prepare()
    assert status == 2 and errors.count("\n") == 1
    assert errors.startswith("make-deb: git ls-files failed: fatal: not a git repository")


# Runs all steps; chroots are folders of the test, and what would run in one succeeds without running.
WITHOUT_CHROOT = """
import runpy, sys
from contextlib import nullcontext
from pathlib import Path

names = runpy.run_path(sys.argv[1])["make"].__globals__
names["apt"].require = lambda tools: None
names["apt"].sources = lambda suite: ""
names["kept"] = lambda chroot, name, fresh: nullcontext(Path(sys.argv[2]))
names["command_in"] = lambda root, build, command: ["true"]
names["command_beside"] = lambda root, command: command
sys.exit(names["make"](False))
"""
AUTOPKGTEST = """\
#!/bin/sh
printf '%s\\n' "$@"
[ -d "$6/usr" ] && exit 4
"""


def test_a_test_of_the_package_that_fails_is_a_failed_step(
    repository: Repository, tmp_path: Path
) -> None:
    output, cache = repository.folder / "build/deb", tmp_path / "cache"
    output.mkdir(parents=True)
    changes = output / "charioteer_0.1.0-1_amd64.changes"
    changes.touch()
    # Of a run that was killed.
    (cache / "deb-test-old/root").mkdir(parents=True)
    program = tmp_path / "bin/autopkgtest"
    program.parent.mkdir()
    program.write_text(AUTOPKGTEST)
    program.chmod(0o755)
    chroot = tmp_path / "chroot"
    (chroot / "usr").mkdir(parents=True)
    scripts = repository.folder / "scripts"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CHROOT, scripts / "make-deb", chroot],
        env={
            **ENVIRONMENT,
            "PYTHONPATH": str(scripts),
            "CHARIOTEER_CACHE": str(cache),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert f"{changes}\n--\nchroot\n{cache}/deb-test-" in done.stdout
    assert "make-deb: deb-test failed" in done.stdout and "exit status 4" in done.stdout
    assert list(cache.iterdir()) == []
