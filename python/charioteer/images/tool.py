"""Runs the external programs that build images."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The time for an interrupted program to remove its temporary files, in seconds.
_GRACE = 10


def run(
    command: Sequence[str],
    log: Path,
    standard_input: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Runs `command` in `folder`, by default the current one; returns its exit status.

    The status is negative if a signal ended it. The output is written to `log`. The command has its
    own process group, because mmdebstrap kills all of its group when it fails. An exception such as
    KeyboardInterrupt ends the group first. If this process is killed, the command gets SIGTERM, so
    that it does not disturb the next build. Raises OSError.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            cwd=folder,
            env=environment,
            process_group=0,
        )
        try:
            process.communicate(standard_input)
        except BaseException:
            _end(process)
            raise
    return process.returncode


def _end(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, number)
        try:
            process.wait(_GRACE)
            return
        except subprocess.TimeoutExpired:
            continue
