"""Section 3.2: files to and from a guest."""

import subprocess
from pathlib import Path

import pytest
from test_driver.machine import QemuMachine

from support.shared_machines import SharedMachines


@pytest.fixture
def tree(folder: Path) -> Path:
    """A tree with a file that has all byte values and needs more than one message."""
    data = folder / "tree/below/data"
    data.parent.mkdir(parents=True)
    data.write_bytes(bytes(range(256)) * 1000)
    data.chmod(0o750)
    return folder / "tree"


def test_3_2_a_file_to_the_guest(alpha: QemuMachine, tree: Path) -> None:
    alpha.copy_from_host(str(tree / "below/data"), "/tmp/new folder/data")
    assert alpha.succeed("sha256sum < '/tmp/new folder/data'").split()[0] == digest(
        tree / "below/data"
    )
    assert alpha.succeed("stat -c %a '/tmp/new folder/data'") == "750\n"


def test_3_2_a_tree_to_the_guest_and_back(
    alpha: QemuMachine, pair: SharedMachines, tree: Path
) -> None:
    alpha.copy_from_host(str(tree), "/tmp/copied")
    alpha.copy_from_machine("/tmp/copied", "trees")
    back = pair.out / "trees/copied/below/data"
    assert digest(back) == digest(tree / "below/data")
    assert back.stat().st_mode & 0o777 == 0o750
    with pytest.raises(FileExistsError):
        alpha.copy_from_machine("/tmp/copied", "trees")


def test_3_2_a_file_from_the_guest_replaces_an_older_one(
    alpha: QemuMachine, pair: SharedMachines
) -> None:
    for content in ("old", "new"):
        alpha.succeed(f"echo {content} > /tmp/content")
        alpha.copy_from_machine("/tmp/content")
    assert (pair.out / "content").read_text() == "new\n"


def test_3_2_a_file_from_the_guest_by_the_old_name(
    alpha: QemuMachine, pair: SharedMachines
) -> None:
    alpha.succeed("echo x > /tmp/by-old-name")
    with pytest.warns(DeprecationWarning, match="copy_from_machine"):
        alpha.copy_from_vm("/tmp/by-old-name")
    assert (pair.out / "by-old-name").read_text() == "x\n"


def test_3_2_a_file_through_the_shell(alpha: QemuMachine, tree: Path) -> None:
    small = tree / "small"
    small.write_bytes(bytes(range(256)))
    alpha.copy_from_host_via_shell(str(small), "/tmp/made/small")
    assert alpha.succeed("sha256sum < /tmp/made/small").split()[0] == digest(small)


def digest(path: Path) -> str:
    return subprocess.run(
        ["sha256sum", path], capture_output=True, text=True, check=True
    ).stdout.split()[0]
