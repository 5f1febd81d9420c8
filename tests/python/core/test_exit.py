"""The end of an interpreter that still holds objects of the core."""

import os
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import sys
from charioteer import _core
reporter = _core.Reporter(terminal=False)
machine = _core.Machine("machine", "true", sys.argv[1] + "/state", sys.argv[1], reporter)
vlan = _core.VLan(1, sys.argv[1], reporter)
session = _core.Session(reporter)
"""


def test_an_interpreter_ends_quietly_while_it_holds_objects_of_the_core(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
