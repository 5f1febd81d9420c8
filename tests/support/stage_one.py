"""An initramfs with systemd and a root shell, like that of NixOS tests with `initrdBackdoor`.

It contains programs of the guest `debian`, whose root disk it mounts. It stays at `initrd.target`
until a test continues the boot.
"""

import subprocess
import tempfile
from pathlib import Path

from charioteer.images import builder, guest
from charioteer.images.cpio import Archive

_FOLDERS = ["/etc", "/usr/bin", "/usr/sbin", "/usr/lib/charioteer", "/usr/lib/systemd"]
_FOLDERS += ["/usr/lib/tmpfiles.d", "/usr/lib/udev", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"]
# Large files that are not needed.
_LEFT_OUT = ("usr/lib/udev/hwdb.bin", "usr/lib/x86_64-linux-gnu/gconv")
_LINKS = {"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"}
_UNITS = "/etc/systemd/system"
_DISK_DRIVER = """\
[Unit]
DefaultDependencies=no
Before=systemd-udevd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for module in /modules/*.ko; do insmod $module; done'
"""
# The shell of the initramfs ends before the switch, so that the shell of the second stage can open
# the devices.
_BACKDOOR = """\
[Unit]
Conflicts=initrd-switch-root.target
Before=initrd-switch-root.target
"""
# The service that would continue the boot as soon as the root disk is mounted.
_CLEANUP = """\
[Service]
ExecStart=
ExecStart=/bin/true
"""
KERNEL_PARAMETERS = (
    "root=/dev/vda rootfstype=ext4 rw systemd.hostname=staged "
    "systemd.machine_id=0123456789abcdef0123456789abcdef"
)


def make() -> bytes:
    """The archive. Builds the image of the guest `debian` if it is missing."""
    debian = guest.load("debian")
    image = builder.obtain(debian)
    assert image.root is not None
    archive = Archive()
    for folder in ("/dev", "/proc", "/run", "/sys", "/sysroot", "/var", "/root", "/usr/lib"):
        archive.add_folder(folder)
    archive.add_folder("/tmp", 0o1777)
    with tempfile.TemporaryDirectory() as name:
        _extract(image.root, Path(name))
        _add_tree(archive, Path(name))
    for path, target in _LINKS.items():
        archive.add_link(path, target)
    archive.add_link("/init", "usr/lib/systemd/systemd")
    archive.add_file("/etc/initrd-release", b'ID=test\nNAME="first stage"\n')
    for index, (module, data) in enumerate(image.bundle.module(["virtio_blk"])):
        archive.add_file(f"/modules/{index:02}-{module}.ko", data)
    archive.add_file(f"{_UNITS}/disk-driver.service", _DISK_DRIVER.encode())
    archive.add_link(f"{_UNITS}/sysinit.target.wants/disk-driver.service", "../disk-driver.service")
    archive.add_file(f"{_UNITS}/backdoor.service.d/stage.conf", _BACKDOOR.encode())
    archive.add_file(f"{_UNITS}/initrd-cleanup.service.d/stay.conf", _CLEANUP.encode())
    return archive.finish()


def _extract(root: Path, target: Path) -> None:
    """Copies the folders out of the root disk, without mounting it."""
    requests = []
    for folder in _FOLDERS:
        parent = (target / folder.strip("/")).parent
        parent.mkdir(parents=True, exist_ok=True)
        requests.append(f"rdump {folder} {parent}\n")
    script = target / "requests"
    script.write_text("".join(requests))
    # When not run by root, debugfs prints errors about owners; the archive sets all owners to root.
    subprocess.run(
        ["/usr/sbin/debugfs", "-f", script, root], capture_output=True, timeout=60, check=True
    )
    script.unlink()


def _add_tree(archive: Archive, tree: Path) -> None:
    for path in sorted(tree.rglob("*")):
        name = str(path.relative_to(tree))
        if name.startswith(_LEFT_OUT):
            continue
        if path.is_symlink():
            archive.add_link(name, str(path.readlink()))
        elif path.is_dir():
            archive.add_folder(name)
        elif path.is_file():
            archive.add_file(name, path.read_bytes(), path.stat().st_mode & 0o7777)
