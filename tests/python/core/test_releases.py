"""Runs of the driver as each release of nixpkgs starts it (`tests/golden`), with fake QEMUs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from support.containers import why_no_containers
from support.run import PROGRAMS, Run
from support.testbed import Testbed

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
# Checks that every machine has its global name, and runs a command in the virtual machines.
SCRIPT = """
print([machine.name for machine in machines], [vlan.nr for vlan in vlans])
print(all(name in globals() for name in {names}))
for machine in machines:
    if machine.name in {virtual}:
        print(machine.name, "prints", machine.succeed("echo hello").strip())
"""


@dataclass(frozen=True)
class Release:
    """The machines, VLANs and limit (in seconds) of a release's golden files."""

    name: str
    virtual: list[str]
    vlans: list[int]
    limit: str = "3600"
    containers: tuple[str, ...] = ()

    @property
    def machines(self) -> list[str]:
        return sorted([*self.virtual, *self.containers])


RELEASES = [
    Release("24.05", ["alpha", "beta-2"], [1, 2]),
    Release("24.11", ["alpha", "beta-2"], [1, 2], "7200"),
    Release("25.05", ["alpha", "beta-2"], [1]),
    Release("25.11", ["alpha", "beta-2"], [1, 2]),
    Release("26.05", ["alpha", "beta-2"], [1, 2]),
    Release("26.11-displays", ["alpha"], [231], "5400", ("box",)),
    Release("26.11-vnc", [], [232], containers=("box", "crate")),
    Release("later", ["alpha"], [], "86400.5"),
]


def test_every_golden_folder_is_run() -> None:
    folders = {path.name for path in GOLDEN.iterdir() if path.is_dir()}
    assert folders == {release.name for release in RELEASES}


def start(testbed: Testbed, release: Release, *arguments: str | Path) -> Run:
    """Copies the release's files with the paths of this host, and starts the wrapper script."""
    for name in release.virtual:
        folder = testbed.folder / name / "bin"
        folder.mkdir(parents=True)
        script = testbed.start_script(name)
        script.rename(folder / script.name)
    names = [name.replace("-", "_") for name in release.machines]
    names += [f"vlan{nr}" for nr in release.vlans]
    (testbed.folder / "test-script").write_text(SCRIPT.format(names=names, virtual=release.virtual))
    values = {
        "dir": testbed.folder,
        "driver": PROGRAMS / "nixos-test-driver",
        "shell": "/bin/bash",
    }
    for golden in (GOLDEN / release.name).iterdir():
        text = golden.read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (testbed.folder / golden.name).write_text(text)
    wrapper = testbed.folder / "nixos-test-driver"
    wrapper.chmod(0o755)
    return testbed.run(wrapper, "-o", testbed.out, *arguments, LOGFILE="/dev/null")


@pytest.mark.parametrize("release", RELEASES, ids=[release.name for release in RELEASES])
def test_a_run_as_started_by_a_release(testbed: Testbed, release: Release) -> None:
    if release.containers and (reason := why_no_containers()):
        pytest.skip(reason)
    run = start(testbed, release)
    run.expect(0)
    assert run.stdout.endswith(
        f"{release.machines} {release.vlans}\nTrue\n"
        + "".join(f"{name} prints hello\n" for name in release.virtual)
    )
    assert f"Test will time out and terminate in {release.limit} seconds\n" in run.stderr


def test_24_11_has_a_junit_report(testbed: Testbed) -> None:
    start(testbed, RELEASES[1]).expect(0)
    assert 'name="main"' in (testbed.out / "report.xml").read_text()


@pytest.mark.parametrize(
    ("release", "first"), [(RELEASES[2], 8), (RELEASES[3], 3)], ids=["25.05", "25.11"]
)
def test_the_ssh_commands_are_printed(testbed: Testbed, release: Release, first: int) -> None:
    run = start(testbed, release)
    run.expect(0)
    assert f"alpha:   ssh -o User=root vsock/{first}\n" in run.stdout
    assert f"beta-2:  ssh -o User=root vsock/{first + 1}\n" in run.stdout


@pytest.mark.parametrize("release", RELEASES[2:5], ids=["25.05", "25.11", "26.05"])
def test_the_debug_hook_s_flag_may_be_abbreviated_as_by_run_nix(
    testbed: Testbed, release: Release
) -> None:
    start(testbed, release, "--debug-hook=/bin/attach").expect(0)
