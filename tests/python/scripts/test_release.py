"""scripts/release, in a clone of the repository."""

import importlib.metadata
import os
import re
import subprocess
from pathlib import Path

import charioteer
import pytest

ROOT = Path(__file__).resolve().parents[3]
PLACE = "CMakeLists.txt"
ITEMS = 6
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "A Tester"), ("EMAIL", "tester@example.org"))
}
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A thing.

## [0.1.0] - 2020-01-01

### Added

- The first thing.
"""


class Clone:
    """A clone on the branch main, at version 0.1.0, with a changelog of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        text = (ROOT / PLACE).read_text()
        text = re.sub(r"(charioteer VERSION )\d+\.\d+\.\d+", r"\g<1>0.1.0", text)
        (folder / PLACE).write_text(text)
        (folder / "CHANGELOG.md").write_text(CHANGELOG)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        environment = {**os.environ, **IDENTITY}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "a change")

    def state(self) -> str:
        """What a release changes."""
        return self.git("rev-parse", "HEAD") + self.git("status", "--porcelain") + self.git("tag")

    def release(
        self, *arguments: str, answers: str = "y\n" * ITEMS
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "scripts/release", *arguments],
            cwd=self.folder,
            env={**os.environ, **IDENTITY},
            input=answers,
            capture_output=True,
            text=True,
        )

    def refused(self, *arguments: str, answers: str = "y\n" * ITEMS) -> str:
        """The reason why a release is refused, which must have changed nothing."""
        before = self.state()
        done = self.release(*arguments, answers=answers)
        assert done.returncode == 1 and self.state() == before
        assert done.stderr.startswith("release: ") and done.stderr.count("\n") == 1
        return done.stderr.removeprefix("release: ").strip()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_the_version_is_found_in_the_repository() -> None:
    command = ["scripts/release", "--dry-run", "0.0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert re.fullmatch(r"release: 0\.0\.1 is not newer than \S+\n", done.stderr)


def test_the_core_and_the_packages_have_that_version() -> None:
    match = re.search(
        r"^project\(charioteer VERSION (\S+)", (ROOT / PLACE).read_text(), re.MULTILINE
    )
    assert match is not None
    assert charioteer.__version__ == match[1]
    assert importlib.metadata.version("charioteer") == match[1]


def test_a_release_has_a_commit_and_a_tag(clone: Clone) -> None:
    done = clone.release("0.2.0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("git push --atomic origin main v0.2.0\n")
    assert clone.git("log", "-1", "--format=%s") == "release: version 0.2.0\n"
    assert clone.git("rev-parse", "v0.2.0^{commit}") == clone.git("rev-parse", "HEAD")
    assert clone.git("status", "--porcelain") == ""


def test_the_version_is_written(clone: Clone) -> None:
    clone.release("0.2.0")
    assert "project(charioteer VERSION 0.2.0 LANGUAGES" in (clone.folder / PLACE).read_text()
    changed = clone.git("show", "--format=", "--numstat", "HEAD", "--", PLACE)
    assert changed.split("\t")[:2] == ["1", "1"]


def test_the_changelog_has_a_section_of_the_version(clone: Clone) -> None:
    clone.release("0.2.0")
    text = (clone.folder / "CHANGELOG.md").read_text()
    expected = r"## \[Unreleased\]\n\n## \[0\.2\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\."
    assert re.search(expected, text)
    assert text.endswith(CHANGELOG[CHANGELOG.index("\n## [0.1.0]") :])


def test_the_tag_has_the_changes_and_the_checklist(clone: Clone) -> None:
    clone.release("0.2.0")
    text = clone.git("tag", "--list", "--format=%(contents)", "v0.2.0")
    assert text.startswith("Charioteer 0.2.0\n\n### Added\n\n- A thing.\n")
    assert "Checked by A Tester <tester@example.org>:\n[x] make check has passed" in text
    assert text.count("[x]") == ITEMS


def test_the_version_of_the_files_can_be_the_first_release(clone: Clone) -> None:
    clone.git("rm", "--quiet", "CHANGELOG.md")
    (clone.folder / "CHANGELOG.md").write_text(CHANGELOG[: CHANGELOG.index("\n## [0.1.0]")])
    clone.commit()
    assert clone.release("0.1.0").returncode == 0
    assert clone.refused("0.1.0") == "the tag v0.1.0 exists already"


def test_a_dry_run_changes_nothing(clone: Clone) -> None:
    before = clone.state()
    done = clone.release("--dry-run", "0.2.0", answers="")
    assert done.returncode == 0 and clone.state() == before
    assert "- A thing." in done.stdout and done.stdout.count("[ ]") == ITEMS


def test_every_item_must_be_confirmed(clone: Clone) -> None:
    for number in range(ITEMS):
        reason = clone.refused("0.2.0", answers="y\n" * number + "\n")
        assert reason.startswith("not confirmed: ")


@pytest.mark.parametrize(
    "version, reason",
    [
        ("0.0.9", "0.0.9 is not newer than 0.1.0"),
        ("1.0", "'1.0' is no version: expected three numbers, such as 1.2.0"),
        ("v1.0.0", "'v1.0.0' is no version: expected three numbers, such as 1.2.0"),
        ("0.1.0", "CHANGELOG.md has a section of 0.1.0 already"),
    ],
)
def test_wrong_versions_are_refused(clone: Clone, version: str, reason: str) -> None:
    assert clone.refused(version) == reason


def test_a_changelog_without_entries_is_refused(clone: Clone) -> None:
    file = clone.folder / "CHANGELOG.md"
    file.write_text(file.read_text().replace("- A thing.\n", ""))
    clone.commit()
    assert clone.refused("0.2.0") == "CHANGELOG.md: nothing is listed under Unreleased"


def test_uncommitted_changes_are_refused(clone: Clone) -> None:
    (clone.folder / "new").touch()
    assert clone.refused("0.2.0") == "there are changes that are not committed"


def test_another_branch_is_refused(clone: Clone) -> None:
    clone.git("switch", "--quiet", "--create", "other")
    assert clone.refused("0.2.0") == "the branch is other, and not main"


def test_a_file_without_the_version_is_refused(clone: Clone) -> None:
    (clone.folder / PLACE).write_text("project(charioteer)\n")
    clone.commit()
    assert clone.refused("0.2.0") == "CMakeLists.txt: the version is not where it is expected"
