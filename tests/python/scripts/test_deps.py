"""What scripts/deps installs on which release, with programs of apt that only record their calls."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/deps"
BOOKWORM = ("debian", "12", "bookworm")
TRIXIE = ("debian", "13", "trixie")
NOBLE = ("ubuntu", "24.04", "noble")


@dataclass
class Host:
    """A host of some release; `installed` and `absent` are names of packages."""

    folder: Path

    def release(self, name: str, version: str, codename: str) -> None:
        lines = [f"ID={name}", f'VERSION_ID="{version}"', f"VERSION_CODENAME={codename}"]
        (self.folder / "os-release").write_text("\n".join(lines) + "\n")

    def program(self, name: str, text: str) -> None:
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def packages(self, *, installed: str = "", absent: str = "none-is") -> None:
        """Which packages are installed, and which ones the release does not have."""
        words = "\n".join(f"installed={name}" for name in installed.split())
        self.program("dpkg-query", f"cat <<'END'\n{words}\nEND")
        lines = [f'case " {absent} " in *" $2 "*) echo "  Candidate: (none)" ;;']
        lines.append("*) echo '  Candidate: 1' ;; esac")
        self.program("apt-cache", "\n".join(lines))
        self.program("apt-get", f'echo "$@" >>"{self.folder}/calls"')
        self.program("id", "echo 0")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "CHARIOTEER_OS_RELEASE": str(self.folder / "os-release"),
        }
        command = ["sh", str(SCRIPT), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def listed(self, *arguments: str) -> list[str]:
        done = self.run("--list", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def calls(self) -> list[str]:
        """The calls of apt-get."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.packages()
    return host


@pytest.mark.parametrize(
    "release, has, lacks",
    [
        (BOOKWORM, "libboost1.81-dev clang-14 chromium qemu-system-x86", "libboost-dev"),
        (TRIXIE, "libboost-dev libboost-json-dev chromium qemu-system-x86", "clang-14"),
        (("debian", "", "forky"), "libboost-dev chromium", "clang-14"),
        (NOBLE, "libboost1.83-dev libboost-json1.83-dev clang-14", "chromium"),
        (("ubuntu", "26.04", "resolute"), "libboost-dev qemu-utils", "chromium clang-14"),
    ],
)
def test_the_names_are_those_of_the_release(
    host: Host, release: tuple[str, str, str], has: str, lacks: str
) -> None:
    host.release(*release)
    listed = host.listed()
    assert len(set(listed)) == len(listed)
    assert set(has.split()) <= set(listed)
    assert not set(lacks.split()) & set(listed)
    assert host.calls() == []


@pytest.mark.parametrize("release", [BOOKWORM, TRIXIE, NOBLE])
def test_a_package_may_be_added(host: Host, release: tuple[str, str, str]) -> None:
    host.release(*release)
    assert "golang-go" in host.listed("golang-go")
    assert "golang-go" not in host.listed()


@pytest.mark.parametrize("release", [TRIXIE, NOBLE])
def test_newer_releases_install_all_from_one_suite(
    host: Host, release: tuple[str, str, str]
) -> None:
    host.release(*release)
    done = host.run("golang-go")
    assert done.returncode == 0, done.stderr
    update, install = host.calls()
    assert update.endswith("update")
    assert {"qemu-system-x86", "libfmt-dev", "golang-go", "mypy"} <= set(install.split())
    assert "backports" not in install


def test_debian_12_takes_qemu_from_backports(host: Host) -> None:
    host.release(*BOOKWORM)
    # The file is written where apt looks, which only root of a real host may change.
    host.program("grep", "exit 0")
    assert host.run().returncode == 0
    _, install, backports = host.calls()
    assert "qemu-system-x86" not in install.split()
    assert backports.endswith("-t bookworm-backports qemu-system-x86 qemu-utils")


def test_nothing_is_installed_twice(host: Host) -> None:
    host.release(*TRIXIE)
    listed = host.listed()
    host.packages(installed=" ".join(listed))
    done = host.run()
    assert done.stdout == f"deps: all {len(listed)} packages are installed\n"
    assert host.calls() == []


def test_a_package_of_checks_may_be_absent(host: Host) -> None:
    host.release("ubuntu", "27.04", "newer")
    host.packages(absent="tshark mypy")
    done = host.run()
    assert done.returncode == 0, done.stderr
    assert "this release does not have mypy tshark: some checks cannot run" in done.stdout
    assert not {"tshark", "mypy"} & set(host.calls()[1].split())


@pytest.mark.parametrize(
    "release", [("debian", "11", "bullseye"), ("ubuntu", "22.04", "jammy"), ("fedora", "42", "")]
)
def test_other_releases_are_refused(host: Host, release: tuple[str, str, str]) -> None:
    host.release(*release)
    done = host.run()
    assert done.returncode == 1
    assert f"are supported, not {release[0]} {release[1]}" in done.stderr
    assert "libboost-json-dev" in done.stderr
    assert host.calls() == []


def test_unknown_options_are_refused(host: Host) -> None:
    host.release(*TRIXIE)
    done = host.run("--dry")
    assert (done.returncode, done.stderr) == (1, "deps: unknown option: --dry\n")
