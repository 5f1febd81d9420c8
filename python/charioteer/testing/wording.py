"""Messages of the log that differ between NixOS releases."""


class _KeptState:
    """The name of the machines' state in messages, and the flag that keeps it."""

    name = "machine state"
    flag = "--keep-machine-state"


kept_state = _KeptState()


def use_release(is_legacy: bool) -> None:
    """`is_legacy`: the run was configured by flags and variables, as up to NixOS 25.11."""
    kept_state.name = "VM state" if is_legacy else _KeptState.name
    kept_state.flag = "--keep-vm-state" if is_legacy else _KeptState.flag
