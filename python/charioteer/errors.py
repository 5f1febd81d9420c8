"""The errors that the commands report as one line and an exit status."""

from pathlib import Path


class InputError(Exception):
    """Invalid input. The text names the file, the key and the expected value."""

    status = 2


class BuildError(Exception):
    """A guest's image could not be built. The text has the reason and a remedy."""

    status = 3

    def __init__(self, text: str, log: Path | None = None) -> None:
        """`log`: the output of the program that failed."""
        super().__init__(text)
        self.log = log


class ShellUnavailable(Exception):
    """The guest has no shell, or the shell was lost. The text has the reason."""

    status = 1
