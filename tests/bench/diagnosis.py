"""How soon after a failure the first screen shows its cause, with four guests without KVM."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from figures import Figure

_LIMIT = 3.0
"""The aim in seconds, which stands in for a baseline."""
_CLUSTER = "".join(f'[machines.node{number}]\nguest = "debian"\n' for number in range(4))
_SCRIPT = """\
start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
node0.execute("systemd-run --unit=web --property=Type=oneshot /bin/false")
node0.wait_for_unit("web.service")
"""


def measure(build: Path) -> Iterable[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "cluster.toml").write_text(f'name = "failing"\n{_CLUSTER}')
        (folder / "test.py").write_text(_SCRIPT)
        command: list[str | Path] = [build / "bin/charioteer", "run", folder, "-o", folder / "out"]
        yield Figure("failure_to_first_screen", _until_screen(command), _LIMIT, "s")


def _until_screen(command: list[str | Path]) -> float:
    """Seconds from the report of the error to the last line of the first screen."""
    failed = shown = None
    environment = {**os.environ, "CHARIOTEER_ACCEL": "tcg"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if failed is None and "Traceback (most recent call last)" in line:
                failed = time.monotonic()
            elif "diagnosis.txt" in line:
                shown = time.monotonic()
    if failed is None or shown is None:
        raise RuntimeError("the run has shown no cause")
    return shown - failed
