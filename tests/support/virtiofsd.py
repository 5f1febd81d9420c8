"""Finds or unpacks virtiofsd, which is not packaged in Debian 12."""

import shutil
import subprocess
from pathlib import Path

from charioteer.images import apt, store

_PLACES = "/usr/local/bin:/usr/bin:/usr/libexec:/usr/lib/qemu"
_SUITE = "trixie"
# The program of Debian trixie needs a newer C library, which is unpacked beside it.
_WRAPPER = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root/usr
exec "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/lib/x86_64-linux-gnu" \\
    "$root/libexec/virtiofsd" "$@"
"""


def find() -> Path:
    """The program of the host, or that of Debian trixie, unpacked once and kept in the cache.

    Raises BuildError.
    """
    if found := shutil.which("virtiofsd", path=_PLACES):
        return Path(found)
    return store.obtain(f"virtiofsd-{_SUITE}", _unpack, lambda: None) / "virtiofsd"


def _unpack(folder: Path) -> None:
    tar = folder / "packages.tar"
    apt.bootstrap(_SUITE, "extract", ["virtiofsd"], tar, store.log_of(folder.name))
    root = folder / "root"
    root.mkdir()
    options = ["--exclude=./dev", "--no-same-owner"]
    subprocess.run(["tar", "-xf", tar, "-C", root, *options], check=True)
    tar.unlink()
    wrapper = folder / "virtiofsd"
    wrapper.write_text(_WRAPPER)
    wrapper.chmod(0o755)
