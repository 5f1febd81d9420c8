"""Copies of read-only folders from a guest, through the agent and through the root shell."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.patience import scaled
from support.testbed import FAKE_QEMU

NOBODY = 65534

# Copies "guest" to "back" as an unprivileged user.
SCRIPT = """
import os, sys
from charioteer import _core
folder = sys.argv[1]
reporter = _core.Reporter(terminal=False, queue=True)
machine = _core.Machine("machine", sys.argv[2], folder + "/state", folder, reporter)
machine.connect()
machine.copy_out(folder + "/guest", folder + "/back")
try:
    machine.copy_out(folder + "/guest", folder + "/back")
except FileExistsError as error:
    print(error)
open(folder + "/guest/made/file", "w").write("new")
for _ in range(2):
    machine.copy_out(folder + "/guest/made/file", folder + "/file")
machine.release()
"""


@pytest.fixture
def owned() -> Iterator[Path]:
    """A folder of an unprivileged user, if the test is run by root."""
    folder = Path(tempfile.mkdtemp(prefix="copies-"))
    (folder / "guest/store/inner").mkdir(parents=True)
    (folder / "guest/made").mkdir()
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    # Like all folders in /nix/store.
    for name in ("store/inner", "store", "."):
        (folder / "guest" / name).chmod(0o555)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("channel", ["agent", "plain"])
def test_a_driver_without_root_copies_read_only_folders(owned: Path, channel: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "CHARIOTEER_ACCEL": "tcg",
        "CHARIOTEER_CHANNEL": channel,
        "FAKE_QEMU_AGENT": "real" if channel == "agent" else "",
        "HOME": str(owned),
    }
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    group = NOBODY if os.geteuid() == 0 else os.getegid()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(owned), FAKE_QEMU],
        env=environment,
        cwd=owned,
        capture_output=True,
        text=True,
        user=user,
        group=group,
        timeout=scaled(60),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"machine: cannot copy {owned}/guest to the host: {owned}/back exists already\n"
    )
    for name in ("back", "back/store", "back/store/inner"):
        assert (owned / name).stat().st_mode & 0o777 == 0o555
    assert (owned / "file").read_text() == "new"
    assert {path.name for path in owned.iterdir()} - {"state"} == {"back", "file", "guest"}
