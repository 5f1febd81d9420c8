"""The folders of guest definitions, examples and built images."""

import os
from pathlib import Path

from charioteer.errors import InputError


def _share() -> Path:
    """The folder that holds machines/ and examples/.

    It is the source tree, share/charioteer, or in a wheel the package itself.
    """
    package = Path(__file__).resolve().parent
    for parent in (package, *package.parents):
        for candidate in (parent, parent / "share/charioteer"):
            if (candidate / "machines/minimal/guest.toml").is_file():
                return candidate
    raise InputError(
        f"{package}: no folder machines/ in it, in a folder above it, or in share/charioteer of one; "
        "install Charioteer again"
    )


def machines() -> Path:
    """The folder of guest definitions."""
    return _share() / "machines"


def examples() -> Path:
    """The folder of examples."""
    return _share() / "examples"


def cache() -> Path:
    """The folder of built images; may not exist yet."""
    if explicit := os.environ.get("CHARIOTEER_CACHE"):
        return Path(explicit).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "charioteer"


def is_utf8(path: Path) -> bool:
    """Whether `path` is valid UTF-8, which configurations and the driver's core require."""
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
