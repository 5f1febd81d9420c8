"""The driver configuration: the machines, VLANs, limits and script of a run.

`load_driver_configuration` reads it from the JSON file of current nixpkgs. Releases up to 25.11 use
flags and environment variables instead, from which the caller constructs it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
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
    container_addresses: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """By VLAN: Ethernet address to the name of its container, as far as known before its start."""


def load_driver_configuration(path: Path | str) -> DriverConfiguration:
    """Reads the JSON file at `path`.

    Raises ValueError naming file, key and what was expected, or OSError.
    """
    loaded = core.load_configuration(str(path))
    return DriverConfiguration(
        vms=machines_of(loaded.vms.items()),
        containers=machines_of(loaded.containers.items()),
        vlans=list(loaded.vlans),
        global_timeout=loaded.global_timeout,
        enable_ssh_backdoor=loaded.enable_ssh_backdoor,
        test_script=Path(loaded.test_script),
        is_of_26_11=loaded.is_of_26_11,
        container_addresses=loaded.container_addresses,
    )


def machines_of(scripts: Iterable[tuple[str, str]]) -> dict[str, VMConfiguration]:
    """Machines by name, from pairs of a name and a start script."""
    return {name: VMConfiguration(name, Path(script)) for name, script in scripts}
