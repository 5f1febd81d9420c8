"""Programs that build something and may take long."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# What a program that is called off gets to remove its temporary files, in seconds.
_GRACE = 10


def run(
    command: Sequence[str],
    log: Path,
    standard_input: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Runs `command` in `folder`, or ours, its output into `log`; returns its exit status.

    That is negative for a signal.
    It has a process group of its own: mmdebstrap ends all of its group when it fails. When we are
    called off (Ctrl-C), the group is ended before the exception goes on. When we are killed, the
    program gets SIGTERM, so that it does not go on in the folder of the next build. Raises OSError.
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
