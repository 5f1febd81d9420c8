"""Keeps the machines of a cluster usable: each test finds all of them running."""

from charioteer.testing.cluster import Cluster
from charioteer.testing.errors import MachineError
from charioteer.testing.machine import BaseMachine, NspawnMachine, QemuMachine
from charioteer.testing.machines import Outcomes

_CHECKPOINT = "before the first test"
_ANSWER_LIMIT = 15.0
"""Seconds in which a machine must run `true`, also an emulated one on a busy host."""


class Repair:
    """Starts the machines before the first test, and repairs them before later ones."""

    def __init__(self, cluster: Cluster, uses_checkpoint: bool) -> None:
        self._cluster = cluster
        self._uses_checkpoint = uses_checkpoint
        self._last_test: str | None = None

    def before_test(self, test: str) -> None:
        """Returns when all machines run. Raises MachineError."""
        if self._last_test is None:
            self._boot(self._cluster.machines)
            self._save()
        elif broken := self._broken():
            self._repair(broken)
        self._last_test = test

    def _boot(self, machines: list[BaseMachine]) -> None:
        outcomes = Outcomes[str](machines)
        outcomes.gather(lambda machine: machine.succeed("true"))
        if outcomes.failures:
            raise outcomes.summary("Failed to boot the following machines:")

    def _save(self) -> None:
        if not self._uses_checkpoint:
            return
        try:
            self._cluster.checkpoint(_CHECKPOINT)
        except MachineError as error:
            self._uses_checkpoint = False
            self._cluster.logger.info(f"machines that break will be booted anew: {error}")

    def _broken(self) -> dict[str, str]:
        """Why machines cannot be used, by their names."""
        outcomes = Outcomes[str | None](self._cluster.machines)
        # The core itself would wait longer until it takes a guest for silent.
        late = outcomes.gather(_fault_of, _ANSWER_LIMIT)
        found = {name: f"no answer within {_ANSWER_LIMIT:g} s" for name in late}
        found |= {name: fault for name, fault in outcomes.values.items() if fault}
        return {**found, **{name: str(error) for name, error in outcomes.failures.items()}}

    def _repair(self, broken: dict[str, str]) -> None:
        logger = self._cluster.logger
        for name, fault in broken.items():
            fault = fault.split("\n")[0].removeprefix(f"{name}: ")
            logger.log(f"{name} cannot be used since {self._last_test}: {fault}")
        if self._uses_checkpoint:
            logger.log("all machines are restored as they were before the first test")
            self._cluster.restore(_CHECKPOINT)
            return
        logger.log(f"booted anew: {', '.join(broken)}")
        machines = [self._cluster[name] for name in broken]
        for machine in machines:
            _turn_off(machine)
            machine.cleanup_statedir()
        self._boot(machines)


def _fault_of(machine: BaseMachine) -> str | None:
    """Why the machine cannot be used. Raises MachineError, which has the reason."""
    if not machine.is_up():
        return "it is off"
    status, _ = machine.execute("true", timeout=None)
    return None if status == 0 else f"`true` had the exit status {status}"


def _turn_off(machine: BaseMachine) -> None:
    if isinstance(machine, QemuMachine):
        machine.crash()
    elif isinstance(machine, NspawnMachine):
        machine.release()
