"""The errors that the commands report as one line and an exit status."""

from pathlib import Path
from typing import NoReturn


class InputError(Exception):
    """Invalid input. The text names the file, the key and the expected value."""

    status = 2
    """The exit status of the commands."""


class BuildError(Exception):
    """A guest's image could not be built, or a program is not installed.

    The text has the reason and a remedy.
    """

    status = 3
    """The exit status of the commands."""

    def __init__(self, text: str, log: Path | None = None) -> None:
        """`log`: the output of the program that failed."""
        super().__init__(text)
        self.log = log


class ShellUnavailable(Exception):
    """The guest has no shell, or the shell was lost. The text has the reason."""

    status = 1
    """The exit status of the commands."""


def text_of(error: Exception) -> str:
    """What a message says of an error: of one of the host the file and the reason."""
    if not isinstance(error, OSError):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def unreadable(error: OSError) -> NoReturn:
    """For `os.walk`, which leaves out folders that cannot be read. Raises InputError."""
    raise InputError(text_of(error)) from error
