"""Initial file systems of guests."""

import posixpath
import stat
import subprocess
import tarfile
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images.cpio import Archive
from charioteer.images.guest import Guest
from charioteer.images.kernel import KernelBundle

_FOLDERS = ("/dev", "/etc", "/proc", "/root", "/run", "/sys", "/usr/bin", "/usr/sbin", "/var")


def make(guest: Guest, bundle: KernelBundle, init: bytes, packages: Path | None) -> bytes:
    """The initial file system of `guest`, started by the script `init`.

    Without `packages`, a tar of extracted packages, it contains only what mounts the root disk.
    """
    archive = Archive()
    for folder in _FOLDERS:
        archive.add_folder(folder)
    archive.add_folder("/tmp", 0o1777)
    archive.add_file("/init", init, 0o755)
    for index, (name, data) in enumerate(bundle.module(guest.modules)):
        archive.add_file(f"/modules/{index:02}-{name}.ko", data)
    if guest.has_disk:
        archive.add_file("/charioteer/disk-root", b"")
        archive.add_link("/bin", "usr/bin")
        archive.add_link("/sbin", "usr/bin")
    taken = set(guest.links) | {file.target for file in guest.files}
    if packages is not None:
        for path, target in guest.links.items():
            archive.add_link(path, target)
        for file in guest.files:
            archive.add_file(file.target, file.source.read_bytes(), file.mode)
        taken |= _add_programs(archive, guest, packages)
    _add_busybox(archive, bundle, taken)
    return archive.finish()


def _add_busybox(archive: Archive, bundle: KernelBundle, taken: set[str]) -> None:
    """Adds busybox, and links to it for the commands that are not in `taken`."""
    archive.add_file("/usr/bin/busybox", bundle.busybox.read_bytes(), 0o755)
    listed = subprocess.run([bundle.busybox, "--list"], capture_output=True, text=True, check=True)
    for command in listed.stdout.split():
        places = {f"/usr/bin/{command}", f"/usr/sbin/{command}"}
        if command != "busybox" and not places & taken:
            archive.add_link(f"/usr/bin/{command}", "busybox")


def _add_programs(archive: Archive, guest: Guest, packages: Path) -> set[str]:
    """Adds the guest's programs, and the targets of symbolic links. Returns their paths."""
    added: set[str] = set()
    with tarfile.open(packages) as tar:
        members = {"/" + member.name.removeprefix("./"): member for member in tar}
        pending = list(guest.programs)
        while pending:
            path = pending.pop()
            if path in added:
                continue
            if path not in members:
                raise BuildError(f"{guest.definitions[-1]}: programs: no package contains {path}")
            added.add(path)
            member = members[path]
            if member.issym():
                archive.add_link(path, member.linkname)
                joined = posixpath.join(posixpath.dirname(path), member.linkname)
                target = posixpath.normpath(joined)
                pending.append("/usr" + target if target.startswith("/lib") else target)
                continue
            file = tar.extractfile(member)
            if file is None:
                raise BuildError(f"{guest.definitions[-1]}: programs: {path} is not a file")
            archive.add_file(path, file.read(), stat.S_IMODE(member.mode), member.uid, member.gid)
    return added
