"""Every example but the big clusters, run as a user would, and resumed at each of its subtests."""

import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from charioteer import paths
from charioteer.testing.checkpoints.record import Record

from support.containers import only_containers, why_no_containers
from support.testbed import Testbed
from support.vsock import folder_of_program

EXAMPLES = sorted(
    file.parent.name
    for file in paths.examples().glob("*/cluster.toml")
    if not file.parent.name.startswith("cluster-")
)
LAST_LINES = {"ping": "12 of 12 pings passed"}
# The option is refused with containers; machines with a TPM or a vsock are not saved.
UNSAVED = {"containers", "firmware", "ssh-backdoor"}


@pytest.mark.limit(1800)
@pytest.mark.parametrize("name", EXAMPLES)
def test_example(testbed: Testbed, name: str) -> None:
    if name == "containers" and (reason := why_no_containers()):
        pytest.skip(reason)
    path = os.environ["PATH"]
    if name == "ssh-backdoor":
        folder, why_not = folder_of_program()
        if folder is None:
            pytest.skip(why_not)
        path = f"{folder}:{path}"
    options = [] if name == "containers" else ["--checkpoint"]
    store = testbed.folder / "store"
    with only_containers() if name == "containers" else nullcontext():
        run = testbed.run(
            "charioteer", "run", paths.examples() / name, "-o", testbed.out, *options,
            PATH=path, CHARIOTEER_CHECKPOINTS=str(store),
        )  # fmt: skip
        run.expect(0, limit=1500)
    if name in LAST_LINES:
        assert run.stdout.splitlines()[-1] == LAST_LINES[name]
    script = (paths.examples() / name / "test.py").read_text()
    saved = [] if name == "containers" else checkpoints_in(store)
    assert bool(saved) == ("\nwith subtest(" in script and name not in UNSAVED)
    for checkpoint in saved:
        resume(testbed, name, checkpoint, store)


def checkpoints_in(store: Path) -> list[str]:
    (folder,) = store.glob("*/record.json")
    return [each.name for each in Record(folder.parent).checkpoints()]


def resume(testbed: Testbed, name: str, checkpoint: str, store: Path) -> None:
    """Expects the verdict and the files of the recorded run, and no machine before the checkpoint."""
    expected = files_in(testbed.out)
    shutil.rmtree(testbed.out)
    run = testbed.run(
        "charioteer", "run", paths.examples() / name, "-o", testbed.out, f"--resume={checkpoint}",
        CHARIOTEER_CHECKPOINTS=str(store),
    )  # fmt: skip
    run.expect(0, limit=1500)
    before, _, _ = run.stderr.partition(f"resumed at the checkpoint {checkpoint!r}")
    assert before != run.stderr, run.report()
    assert "connected to guest root shell" not in before
    assert files_in(testbed.out) == expected
    if name in LAST_LINES:
        assert run.stdout.splitlines()[-1] == LAST_LINES[name]


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
