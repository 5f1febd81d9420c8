"""Lets the machines of a failed run continue, for a look at them."""

import os
import time
from collections.abc import Sequence

from charioteer.testing.duration import Duration, render
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import BaseMachine, QemuMachine

_COLLECT_EVERY = 0.2
"""Seconds."""


def wait(machines: Sequence[BaseMachine], logger: AbstractLogger, limit: Duration) -> None:
    """Returns at Ctrl-C. `limit`: the time limit of the run, which ends it by SIGTERM as always."""
    try:
        for line in _hints([each for each in machines if each.is_up()], limit):
            logger.log_test_error(line)  # which is shown by a quiet run, too
        while True:
            logger.collect()
            time.sleep(_COLLECT_EVERY)
    except KeyboardInterrupt:
        logger.log("ending the machines")


def _hints(machines: Sequence[BaseMachine], limit: Duration) -> list[str]:
    lines = [
        "the machines run on, until Ctrl-C, SIGTERM or the time limit of the run "
        f"({render(limit)} s since its start)"
    ]
    for each in machines:
        if isinstance(each, QemuMachine):
            lines.append(f"  a root shell: charioteer shell {each.name}@{os.getpid()}")
        lines.append(f"  state and sockets of {each.name}: {each.state_dir}")
    return lines
