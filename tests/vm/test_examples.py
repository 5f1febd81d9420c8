"""Every example but the big clusters, run as a user would."""

import os
from contextlib import nullcontext

import pytest
from charioteer import paths

from support.containers import only_containers, why_no_containers
from support.testbed import Testbed
from support.vsock import folder_of_program

EXAMPLES = sorted(
    file.parent.name
    for file in paths.examples().glob("*/cluster.toml")
    if not file.parent.name.startswith("cluster-")
)
LAST_LINES = {"ping": "12 of 12 pings passed"}


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
    with only_containers() if name == "containers" else nullcontext():
        run = testbed.run("charioteer", "run", str(paths.examples() / name), PATH=path)
        run.expect(0, limit=1500)
    if name in LAST_LINES:
        assert run.stdout.splitlines()[-1] == LAST_LINES[name]
