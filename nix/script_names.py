# What a test script finds besides its machines and VLANs, for the type checker, which reads this
# and then the script.
import os
from collections.abc import Callable
from typing import Any, ContextManager, Optional, Protocol
from unittest import TestCase

from test_driver.debug import DebugAbstract
from test_driver.driver import Driver
from test_driver.logger import CompositeLogger
from test_driver.machine import BaseMachine, Machine, NspawnMachine, QemuMachine, retry
from test_driver.machines import Machines
from test_driver.vlan import VLan


class CreateMachine(Protocol):
    def __call__(
        self, start_command: str, *, name: Optional[str] = None, keep_machine_state: bool = False
    ) -> QemuMachine:
        ...


start_all: Callable[[], None]
test_script: Callable[[], None]
machines: list[BaseMachine]
machines_qemu: list[QemuMachine]
machines_nspawn: list[NspawnMachine]
vlans: list[VLan]
driver: Driver
log: CompositeLogger
create_machine: CreateMachine
subtest: Callable[[str], ContextManager[None]]
run_tests: Callable[[], None]
join_all: Callable[[], None]
serial_stdout_off: Callable[[], None]
serial_stdout_on: Callable[[], None]
polling_condition: Any
t: TestCase
debug: DebugAbstract
dump_machine_ssh: Callable[[], None]
all_machines: Machines
