"""The errors that the commands report as one line and an exit status."""


class InputError(Exception):
    """Invalid input. The text names the file, the key and the expected value."""

    status = 2


class BuildError(Exception):
    """A guest's image could not be built. The text has the reason and a remedy."""

    status = 3


class ShellUnavailable(Exception):
    """The guest has no shell, or the shell was lost. The text has the reason."""

    status = 1
