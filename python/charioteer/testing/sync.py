"""Writes the guests' file system caches to disk after the script has ended."""

from collections.abc import Sequence

from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import BaseMachine, QemuMachine
from charioteer.testing.machines import Outcomes

_LIMIT = 30.0  # seconds, for all machines, which do it side by side


def sync_all(
    machines: Sequence[BaseMachine], logger: AbstractLogger, limit: float = _LIMIT
) -> None:
    """Runs `sync` on all machines that are up, for `limit` seconds at most.

    Errors are only warnings, since the script alone determines the outcome of the run.
    """
    outcomes = Outcomes[None](machines)
    late = outcomes.gather(lambda machine: _sync(machine, logger, limit), limit)
    for name, error in outcomes.failures.items():
        logger.warning(f"{name}: sync at the end of the run: {error}")
    for name in late:
        logger.warning(f"{name}: sync at the end of the run did not finish within {limit:g} s")


def _sync(machine: BaseMachine, logger: AbstractLogger, limit: float) -> None:
    if not machine.is_up():
        return
    if isinstance(machine, QemuMachine):
        status = machine.qmp_client.send("query-status")["return"]
        if not status["running"]:
            logger.info(f"{machine.name}: no sync, since its status is {status['status']}")
            return
    machine.execute("sync", timeout=limit)
