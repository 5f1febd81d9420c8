"""`test_driver` exports the library's objects under the names of the NixOS test driver."""

import importlib
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
import test_driver.driver
import test_driver.machine
from charioteer.testing import assertions, efi_store
from charioteer.testing.errors import PollingConditionError
from test_driver.errors import MachineError, RequestedAssertionFailed

MODULES = [
    *("config", "debug", "driver", "duration", "efi", "errors", "logger", "machine"),
    *("machine.qmp", "machines", "polling_condition", "vlan", "vsock"),
]


@pytest.mark.parametrize("name", MODULES)
def test_names_are_the_library_s_objects(name: str) -> None:
    old: Any = importlib.import_module(f"test_driver.{name}")
    library: Any = importlib.import_module(f"charioteer.testing.{name}")
    others = {"get_tmp_dir", "pythonize_name", "load_driver_configuration", "UEFITime"}
    # Names that upstream's modules import.
    others |= {"AbstractLogger", "MachineError", "PollingCondition", "RequestedAssertionFailed"}
    assert old.__all__
    for each in set(old.__all__) - others:
        assert getattr(old, each) is getattr(library, each), each


def test_names_of_other_modules_of_the_library() -> None:
    assert test_driver.driver.AssertionTester is assertions.AssertionTester
    assert importlib.import_module("test_driver.efi").UEFITime is efi_store.UEFITime
    with pytest.raises(AttributeError, match="module 'test_driver.driver' has no attribute 'No'"):
        getattr(test_driver.driver, "No")


@pytest.mark.parametrize("kind", [MachineError, RequestedAssertionFailed, PollingConditionError])
def test_tracebacks_name_errors_like_upstream(kind: type[Exception]) -> None:
    (line,) = traceback.format_exception_only(kind, kind("no"))
    assert line == f"test_driver.errors.{kind.__name__}: no\n"
    assert type(pickle.loads(pickle.dumps(kind("no")))) is kind


def test_classes_can_be_pickled_by_name() -> None:
    machine = test_driver.machine
    for kind in (machine.QemuMachine, machine.NspawnMachine, machine.StartCommand):
        assert pickle.loads(pickle.dumps(kind)) is kind


def test_the_package_is_small() -> None:
    package = Path(test_driver.driver.__file__ or "").parent
    assert sum(len(f.read_text().splitlines()) for f in package.rglob("*.py")) < 700


UPSTREAM = {
    "debug": "AbstractLogger Debug DebugAbstract DebugNop",
    "driver": "AbstractLogger Driver Machine PollingCondition QemuMachine VLan retry",
    "efi": "EfiVars RequestedAssertionFailed",
    "errors": "MachineError PollingConditionError RequestedAssertionFailed",
    "machine": "AbstractLogger MachineError QemuMachine RequestedAssertionFailed retry",
    "polling_condition": "AbstractLogger PollingCondition PollingConditionError",
    "vlan": "AbstractLogger VLan",
}
"""The names in upstream's modules, defined or imported there."""


@pytest.mark.parametrize("module", UPSTREAM)
def test_modules_have_the_names_of_upstream_s_modules(module: str) -> None:
    found: Any = importlib.import_module(f"test_driver.{module}")
    assert set(UPSTREAM[module].split()) <= set(found.__all__)
