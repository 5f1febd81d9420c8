"""The reference has every public name that the running program has."""

import inspect
import re
from pathlib import Path

import pytest
from charioteer import errors
from charioteer.testing import capture, cluster, debug, driver, efi, machines, polling, vlan
from charioteer.testing import errors as testing_errors
from charioteer.testing.faults import fault, network
from charioteer.testing.logger import base
from charioteer.testing.machine import BaseMachine, NspawnMachine, QemuMachine, process, result
from charioteer.testing.replaced import Replaced
from site_scripts import ROOT, pages

CLASSES = {
    "machine": [BaseMachine, QemuMachine, NspawnMachine, machines.Machines],
    "commands": [result.Result, process.Process],
    "driver": [driver.Driver, polling.Poll, base.AbstractLogger, debug.DebugAbstract],
    "vlan": [vlan.VLan, network.MachineNetwork, fault.Fault, capture.Capture],
    "cluster": [cluster.Cluster, cluster.ClusterOptions, cluster.Log],
    "errors": [errors.InputError, errors.BuildError, errors.ShellUnavailable],
    "efi": [efi.EfiVariable, efi.EfiVars],
}


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    """The text of each page."""
    packages = pages.Packages(ROOT / "python")
    return {name: page(packages) for name, page in pages.PAGES.items()}


def is_ours(one: type, name: str) -> bool:
    """Whether a class of the project defines the name, and not one of Python's library."""
    owner = next(each for each in one.__mro__ if name in vars(each))
    return owner.__module__.split(".")[0] in ("charioteer", "test_driver")


@pytest.mark.parametrize("page", CLASSES)
def test_has_every_public_name_of_its_classes(page: str, reference: dict[str, str]) -> None:
    text = reference[page]
    missing = []
    for one in CLASSES[page]:
        assert f"{{py:class}} {one.__name__}" in text
        for name, value in inspect.getmembers_static(one):
            if name.startswith("_") or isinstance(value, Replaced) or not is_ours(one, name):
                continue
            kinds = ("method", "attribute")
            if not any(f"{{py:{kind}}} {name}{end}" in text for kind in kinds for end in "(\n"):
                missing.append(f"{one.__name__}.{name}")
    assert missing == []


@pytest.mark.parametrize("page", [name for name in CLASSES if name != "efi"])
def test_every_name_is_described(page: str, reference: dict[str, str]) -> None:
    entries = re.findall(r"\{py:\w+\} (\w+).*\n((?::.*\n)*)\n(.*)", reference[page])
    assert len(entries) > 3
    assert [name for name, _options, text in entries if not text.strip()] == []


def test_has_every_error_of_tests(reference: dict[str, str]) -> None:
    for name in testing_errors.__all__:
        assert f"{{py:class}} {name}\n" in reference["errors"]


def test_signatures_have_defaults_but_no_self(reference: dict[str, str]) -> None:
    line = next(each for each in reference["machine"].split("\n") if "} wait_for_unit(" in each)
    assert line == (
        "```{py:method} wait_for_unit(unit: str, user: str | None=None, "
        "timeout: Duration=900) -> None"
    )


def test_a_method_of_both_kinds_of_machines_is_there_once(reference: dict[str, str]) -> None:
    assert reference["machine"].count("{py:method} succeed(") == 2, "a machine, and all machines"


def test_text_of_docstrings_is_not_taken_for_markup(tmp_path: Path) -> None:
    (tmp_path / "charioteer").mkdir()
    source = 'class A:\n    """Takes *all* of `a*b`."""\n\n    x: int = 1\n    """Of <b>."""\n'
    (tmp_path / "charioteer/one.py").write_text(source)
    text = pages.Packages(tmp_path).classes("one.A", within="charioteer")
    assert "Takes \\*all\\* of `a*b`." in text
    assert "Of &lt;b>." in text
