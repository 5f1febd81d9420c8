"""`charioteer stubs`: stubs with the names of a test script, for editors and type checkers."""

import argparse
from pathlib import Path

from charioteer.cluster import definition
from charioteer.errors import InputError

NAMES = "charioteer_names.pyi"
"""All names that a test script finds."""
BUILTINS = "__builtins__.pyi"
"""By this file Pyright and ty know the names in each script of the folder."""

_BUILTINS_TEXT = '"""Made by `charioteer stubs`."""\n\nfrom charioteer_names import *\n'

_HEAD = '''\
"""The names that the test script of {name} finds; made by `charioteer stubs`."""

import os as os
from collections.abc import Callable as _Callable
from contextlib import AbstractContextManager as _Context
from datetime import timedelta as _timedelta
from typing import overload as _overload

from charioteer.testing.assertions import AssertionTester as _AssertionTester
from charioteer.testing.debug import DebugAbstract as _Debug
from charioteer.testing.driver import Driver as _Driver
from charioteer.testing.logger import CompositeLogger as _Logger
from charioteer.testing.machine import BaseMachine as BaseMachine
from charioteer.testing.machine import Machine as Machine
from charioteer.testing.machine import NspawnMachine as NspawnMachine
from charioteer.testing.machine import QemuMachine as QemuMachine
from charioteer.testing.machine import retry as retry
from charioteer.testing.machines import Machines as _Machines
from charioteer.testing.polling import Poll as _Poll
from charioteer.testing.vlan import VLan as _VLan

machines: list[BaseMachine]
machines_qemu: list[QemuMachine]
machines_nspawn: list[NspawnMachine]
all_machines: _Machines
vlans: list[_VLan]
driver: _Driver
log: _Logger
t: _AssertionTester
debug: _Debug

def start_all() -> None: ...
def join_all() -> None: ...
def test_script() -> None: ...
def run_tests() -> None: ...
def subtest(name: str) -> _Context[None]: ...
def create_machine(
    start_command: str,
    name: str | None = None,
    keep_machine_state: bool = False,
    *,
    keep_vm_state: bool = False,
) -> QemuMachine: ...
def serial_stdout_on() -> None: ...
def serial_stdout_off() -> None: ...
def dump_machine_ssh(offset: int | None = None) -> None: ...
@_overload
def polling_condition(fun_: _Callable[[], bool | None]) -> _Poll: ...
@_overload
def polling_condition(
    fun_: None = None,
    *,
    seconds_interval: float = 2.0,
    description: str | None = None,
    interval: _timedelta | None = None,
) -> _Callable[[_Callable[[], bool | None]], _Poll]: ...
'''


def add_to(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand."""
    parser.add_argument(
        "cluster", type=Path, metavar="DIR", help="the folder of a cluster file, or that file"
    )
    parser.set_defaults(execute=execute)


def execute(options: argparse.Namespace) -> int:
    """Writes the stubs beside the cluster file. Raises InputError, OSError."""
    cluster = definition.load(options.cluster, needs_script=False)
    folder = cluster.file.parent
    for name, text in ((NAMES, names_of(cluster)), (BUILTINS, _BUILTINS_TEXT)):
        file = folder / name
        if file.exists() and "`charioteer stubs`" not in file.read_text(errors="replace"):
            raise InputError(f"{file} is not of this program: remove it, or move it elsewhere")
        file.write_text(text)
        print(file)
    return 0


def names_of(cluster: definition.Cluster) -> str:
    """The text of the stub with all names."""
    kinds = {each.name.replace("-", "_"): "QemuMachine" for each in cluster.machines}
    kinds |= {each.name.replace("-", "_"): "NspawnMachine" for each in cluster.containers}
    if len(kinds) == 1:
        kinds.setdefault("machine", *kinds.values())
    kinds = {f"vlan{number}": "_VLan" for number in cluster.vlans} | kinds
    lines = [f"{name}: {kind}\n" for name, kind in sorted(kinds.items())]
    return _HEAD.format(name=cluster.name) + "\n" + "".join(lines)
