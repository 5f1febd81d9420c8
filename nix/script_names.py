# The type annotations of the names that a test script has besides its machines and VLANs. The type
# checker reads this file, the annotations that test-module.nix adds, and then the script. The other
# names here begin with "_", so that scripts can define any name of their own.
import os
from collections.abc import Callable as _Callable
from typing import Any as _Any
from typing import ContextManager as _ContextManager
from typing import Optional as _Optional
from typing import Protocol as _Protocol

from test_driver.driver import Driver as _Driver
from test_driver.logger import CompositeLogger as _CompositeLogger
from test_driver.machine import Machine, retry
from test_driver.vlan import VLan as _VLan


class _CreateMachine(_Protocol):
    # The same types as in nixpkgs; `keep_vm_state` is the name until 25.11.
    def __call__(
        self,
        start_command: str | dict[str, _Any],
        *,
        name: _Optional[str] = None,
        keep_machine_state: bool = False,
        keep_vm_state: bool = False,
    ) -> Machine:
        ...


start_all: _Callable[[], None]
test_script: _Callable[[], None]
vlans: list[_VLan]
driver: _Driver
log: _CompositeLogger
create_machine: _CreateMachine
subtest: _Callable[[str], _ContextManager[None]]
run_tests: _Callable[[], None]
join_all: _Callable[[], None]
serial_stdout_off: _Callable[[], None]
serial_stdout_on: _Callable[[], None]
polling_condition: _Any
# Any, since scripts of nixpkgs have variables of this name.
all_machines: _Any
