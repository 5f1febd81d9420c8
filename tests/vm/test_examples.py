"""Every example that takes less than minutes, run as a user would; some are resumed at their subtests."""

import os

import pytest
from charioteer import paths

from support.containers import only_containers, why_no_containers
from support.resumed_example import BOOT_IN_SUBTESTS, ResumedExample
from support.testbed import Testbed
from support.vsock import folder_of_program

# Those that take minutes are in tests/cluster.
EXAMPLES = sorted(
    file.parent.name
    for file in paths.examples().glob("*/cluster.toml")
    if not file.parent.name.startswith("cluster-") and file.parent.name != "partition"
)
# Resumed at each of their subtests. Of BOOT_IN_SUBTESTS, tests/cluster/test_resumed_examples.py does that,
# and this file resumes them at the last.
RESUMED = {"commands", "conditions", "ping", "reports"}
# Those with a device that cannot be saved, and what is logged. They are not resumed: a checkpoint at which
# the machine is off is saved, but what the script reads of its EFI variables is not recorded.
REFUSED = {"firmware": "it has a TPM, whose state another process keeps"}


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
    example = ResumedExample(testbed, name)
    if name == "containers":
        with only_containers():
            example.run(limit=1500)
        return
    if name not in {*RESUMED, *BOOT_IN_SUBTESTS, *REFUSED}:
        example.run(limit=1500, path=path)
        return
    run = example.run("--checkpoint", limit=1500)
    if name in REFUSED:
        assert REFUSED[name] in run.stderr, run.report()
    elif name in RESUMED:
        example.resume_at_each(limit=1500)
    else:
        example.resume(example.saved[-1], limit=1500)
