"""The driver configuration: what a run consists of.

There is one configuration. `load_driver_configuration` reads it from the JSON file of current
nixpkgs, `legacy_configuration` makes it from the flags and variables of releases up to 25.11.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from charioteer import _core as core
from charioteer.testing.duration import Duration


class VMConfiguration(NamedTuple):
    """One machine of the configuration."""

    name: str
    start_script: Path


class DriverConfiguration(NamedTuple):
    """Machines by name in the order of their creation, VLAN numbers, limits, the script."""

    vms: dict[str, VMConfiguration]
    containers: dict[str, VMConfiguration]
    vlans: list[int]
    global_timeout: Duration
    enable_ssh_backdoor: bool
    test_script: Path
    is_legacy: bool = False
    """Whether it was handed over as up to NixOS 25.11."""
    is_of_26_11: bool = False
    """Whether NixOS 26.11 or later made it: numbers as durations are deprecated then."""


def load_driver_configuration(path: Path | str) -> DriverConfiguration:
    """Reads the JSON file at `path`.

    Raises ValueError naming file, key and what was expected, or OSError.
    """
    loaded = core.load_configuration(str(path))
    return DriverConfiguration(
        vms=_machines(loaded.vms.items()),
        containers=_machines(loaded.containers.items()),
        vlans=list(loaded.vlans),
        global_timeout=loaded.global_timeout,
        enable_ssh_backdoor=loaded.enable_ssh_backdoor,
        test_script=Path(loaded.test_script),
        is_of_26_11=loaded.is_of_26_11,
    )


def legacy_configuration(
    start_scripts: Iterable[str],
    vlans: Iterable[str],
    test_script: str,
    global_timeout: int,
) -> DriverConfiguration:
    """The same structure from the older form, which names machines by their start scripts.

    Raises ValueError for a VLAN that is no number and for two machines of one name.
    """
    machines: dict[str, str] = {}
    for script in start_scripts:
        name = core.machine_name(script)
        if name in machines:
            raise ValueError(f"two start scripts for one machine {name!r}: {script}")
        machines[name] = script
    return DriverConfiguration(
        vms=_machines(machines.items()),
        containers={},
        vlans=sorted({_vlan_number(vlan) for vlan in vlans}),
        global_timeout=global_timeout,
        enable_ssh_backdoor=False,
        test_script=Path(test_script),
        is_legacy=True,
    )


def _machines(scripts: Iterable[tuple[str, str]]) -> dict[str, VMConfiguration]:
    return {name: VMConfiguration(name, Path(script)) for name, script in scripts}


def _vlan_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"a VLAN is a number, not {text!r}") from None
