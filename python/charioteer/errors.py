"""The errors that the commands turn into one line and an exit status."""


class InputError(Exception):
    """What the caller gave is wrong. The text names the file, the key and what was expected."""

    status = 2


class BuildError(Exception):
    """A guest's image could not be built. The text says what to do about it."""

    status = 3


class NoShell(Exception):
    """There is no shell in the guest, or none any more. The text says why."""

    status = 1
