"""Programs that builds run."""

import os
import select
import subprocess
import sys
from pathlib import Path

from support.patience import scaled

# Runs a program that writes its number to the pipe given, and would go on for an hour.
BUILD = """
import pathlib, sys
from charioteer.images import tool
tool.run(["sh", "-c", 'echo $$ > "$0"; exec sleep 3600', sys.argv[1]], pathlib.Path(sys.argv[2]))
"""


def test_what_a_build_runs_ends_with_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", BUILD, str(pipe), str(tmp_path / "log")]
    with subprocess.Popen(command) as build:
        number = int(pipe.read_text())
        descriptor = os.pidfd_open(number)
        try:
            build.kill()
            ended, _, _ = select.select([descriptor], [], [], scaled(30))
            assert ended
        finally:
            os.close(descriptor)
