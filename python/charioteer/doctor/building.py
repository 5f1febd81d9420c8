"""Checks of what is needed to build the images of guests."""

import os
import shutil
import subprocess

from charioteer.doctor.check import Check, Status, limited, missing, passed
from charioteer.doctor.host import of_programs, output_of
from charioteer.errors import BuildError
from charioteer.images import apt, go

_LIMIT = 10.0
_TOOLS = {
    **apt.TOOLS,
    "zstd": "zstd",
    "mke2fs": "e2fsprogs",
    "unshare": "util-linux",
    "ip": "iproute2",
}


def programs() -> Check:
    tools = _TOOLS if os.geteuid() == 0 else _TOOLS | {"fakeroot": "fakeroot"}
    found = of_programs("mmdebstrap", tools, "no guest can be built")
    return found if found.status is Status.OK else missing(found.name, found.found, found.cure)


def keys() -> Check:
    name = "Debian's keys"
    try:
        apt.sources("bookworm")
    except BuildError as error:
        return missing(name, str(error), "apt-get install debian-archive-keyring, or make deps")
    return passed(name, "installed")


def namespaces() -> Check:
    """User namespaces, in which mmdebstrap unpacks packages."""
    name = "user namespaces"
    if os.geteuid() == 0:
        return passed(name, "not needed by root")
    if shutil.which("newuidmap") is None:
        return missing(name, "newuidmap is not installed", "apt-get install uidmap, or make deps")
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-auto", "--map-root-user", "true"],
            capture_output=True,
            text=True,
            timeout=_LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return missing(name, str(error), "apt-get install util-linux, or make deps")
    if done.returncode == 0:
        return passed(name, "work")
    cure = (
        "sysctl kernel.unprivileged_userns_clone=1; on Ubuntu "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0; in /etc/subuid and /etc/subgid the "
        "user needs a range"
    )
    return missing(name, done.stderr.strip().split("\n")[-1] or "not available", cure)


def go_compiler() -> Check:
    name = "Go"
    try:
        return passed(name, output_of([go.compiler("the guests of clusters"), "version"]))
    except BuildError as error:
        return limited(name, str(error), go.INSTALL)


def nix() -> Check:
    name = "Nix"
    program = shutil.which("nix")
    if program is None:
        found = "not installed; only tests of NixOS need it"
        return limited(name, found, "https://nixos.org/download, for tests of NixOS")
    return passed(name, output_of([program, "--version"]))
