"""Finds or builds vhost-device-vsock for the SSH backdoor; Debian 12 has no package of it."""

import shutil
import subprocess
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import store

_PROGRAM = "vhost-device-vsock"
_VERSION = "0.3.0"


def folder_of_program() -> tuple[Path | None, str]:
    """The folder of the program, built by cargo if missing; or None and the reason."""
    if found := shutil.which(_PROGRAM):
        return Path(found).parent, ""
    try:
        return store.obtain(f"{_PROGRAM}-{_VERSION}", _build, lambda: None) / "bin", ""
    except BuildError as error:
        return None, f"{_PROGRAM} is not installed, and {error}"


def _build(folder: Path) -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise BuildError("cargo, which would build it, is not installed")
    command = [
        cargo,
        "install",
        "--locked",
        "--quiet",
        "--version",
        _VERSION,
        "--root",
        str(folder),
    ]
    done = subprocess.run([*command, _PROGRAM], capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"cargo failed to build it: {done.stderr.strip()[-300:]}")
