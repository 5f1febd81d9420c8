"""The configuration of a run by flags and variables, as in NixOS up to 25.11."""

from collections.abc import Iterable
from pathlib import Path

from charioteer import _core as core
from charioteer.testing.config import DriverConfiguration, machines_of


def legacy_configuration(
    start_scripts: Iterable[str],
    vlans: Iterable[str],
    test_script: str,
    global_timeout: int,
) -> DriverConfiguration:
    """A configuration from flags and variables, which name machines by their start scripts.

    Raises ValueError for a VLAN that is no number and for two machines of one name.
    """
    machines: dict[str, str] = {}
    for script in start_scripts:
        name = core.machine_name(script)
        if name in machines:
            raise ValueError(f"two start scripts for one machine {name!r}: {script}")
        machines[name] = script
    return DriverConfiguration(
        vms=machines_of(machines.items()),
        containers={},
        vlans=sorted({_vlan_number(vlan) for vlan in vlans}),
        global_timeout=global_timeout,
        enable_ssh_backdoor=False,
        test_script=Path(test_script),
        is_legacy=True,
    )


def _vlan_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"a VLAN is a number, not {text!r}") from None
