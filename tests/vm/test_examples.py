"""Every example but the big clusters, run as a user would; some are resumed at each of their subtests."""

import os

import pytest
from charioteer import paths

from support.containers import only_containers, why_no_containers
from support.resumed_example import ResumedExample
from support.testbed import Testbed
from support.vsock import folder_of_program

EXAMPLES = sorted(
    file.parent.name
    for file in paths.examples().glob("*/cluster.toml")
    if not file.parent.name.startswith("cluster-")
)
LAST_LINES = {"ping": "12 of 12 pings passed"}
# Those whose calls are the same in each run, and whose machines can be saved.
RESUMED = {"ping", "reboot", "conditions"}


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
    example = ResumedExample(testbed, name, LAST_LINES.get(name))
    if name == "containers":
        with only_containers():
            example.run(limit=1500)
        return
    if name not in RESUMED:
        example.run(limit=1500, path=path)
        return
    example.run("--checkpoint", limit=1500)
    for checkpoint in example.saved:
        example.resume(checkpoint, limit=1500)
