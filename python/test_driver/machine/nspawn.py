"""Containers: known by name, so that test scripts which mention them can be checked."""

from typing import Any

from test_driver.duration import Duration
from test_driver.errors import MachineError
from test_driver.machine.base import BaseMachine


class NspawnMachine(BaseMachine):
    """A systemd-nspawn container. This driver has none: making one raises MachineError."""

    def __init__(self, *_arguments: Any, name: str = "a container", **_options: Any) -> None:
        raise MachineError(f"{name}: this driver has virtual machines only, no containers")

    def is_up(self) -> bool:
        return False

    def start(self) -> None:
        ...

    def wait_for_shutdown(self, timeout: Duration | None = None) -> None:
        ...

    def shutdown(self) -> None:
        ...

    def _execute(
        self, command: str, check_return: bool, check_output: bool, timeout: Duration | None
    ) -> tuple[int, str]:
        raise NotImplementedError
