"""Words of the log that a release has changed: those of the release that a run was made for."""


class _KeptState:
    """How what machines keep between runs is called, and the flag that keeps it."""

    name = "machine state"
    flag = "--keep-machine-state"


kept_state = _KeptState()


def use_release(is_legacy: bool) -> None:
    """`is_legacy`: a run that was handed over as up to NixOS 25.11."""
    kept_state.name = "VM state" if is_legacy else _KeptState.name
    kept_state.flag = "--keep-vm-state" if is_legacy else _KeptState.flag
