"""Start scripts like those that nixpkgs generates for the machines of a test.

Written from the description in the contract (5.3 and 5.4): they read the same variables, create the
same files, and give QEMU the same options in the same order. `charioteer.cluster.run_script`
generates shorter scripts for the same contract.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from charioteer.cluster.identity import NetworkIdentity
from charioteer.images import firmware

from support import virtiofsd

_HEAD = """\
#! /bin/bash

export PATH=/usr/bin:/bin${{PATH:+:}}$PATH

set -e

# An image of a file system without a partition table.
createEmptyFilesystemImage() {{
  local name=$1
  local size=$2
  local temp=$(mktemp)
  {img} create -f raw "$temp" "$size"
  {mkfs} -L nixos "$temp"
  {img} convert -f raw -O qcow2 "$temp" "$name"
  rm "$temp"
}}

NIX_DISK_IMAGE=$(readlink -f "${{NIX_DISK_IMAGE:-./{name}.qcow2}}") || test -z "$NIX_DISK_IMAGE"

if test -n "$NIX_DISK_IMAGE" && ! test -e "$NIX_DISK_IMAGE"; then
    echo "There is no disk image yet, creating it..."
    createEmptyFilesystemImage "$NIX_DISK_IMAGE" "{disk_size}M"
    echo "Created the disk image."
fi

if [ -z "$TMPDIR" ] || [ -z "$USE_TMPDIR" ]; then
    TMPDIR=$(mktemp -d nix-vm.XXXXXXXXXX --tmpdir)
fi

mkdir -p "$TMPDIR/xchg"
"""

# The store's image is read by all machines of a system; changes of its file system go to the copy.
_STORE_IMAGE = """
{img} create -f qcow2 -F qcow2 -b {image} "$TMPDIR"/store.img
"""

EROFS_UUID = "5e1f0ad6-3b7c-4e29-8d10-6a7b1c2d3e4f"
"""Of the read-only image of the store; Debian's mkfs.erofs has no option for a label."""

# Made at each start; its UUID and times are fixed, so that it is the same each time.
_READ_ONLY_STORE_IMAGE = """
(
  cd {store}
  {mkfs} -U {uuid} -T 0 --force-uid=0 --force-gid=0 \\
    "$TMPDIR"/store.img . </dev/null >/dev/null
)
"""

_EFI = """
NIX_EFI_VARS=$(readlink -f "${{NIX_EFI_VARS:-{name}-efi-vars.fd}}")
if ! test -e "$NIX_EFI_VARS"; then
  cp {variables} "$NIX_EFI_VARS"
  chmod 0644 "$NIX_EFI_VARS"
fi
"""

_EMPTY_DISK = """\
test -e "{file}" || {img} create -f qcow2 "{file}" "{size}M"
"""


# One for each shared folder; they exit when QEMU disconnects.
_DAEMON = """\
{virtiofsd} --socket-path={tag}.sock --shared-dir={source} --sandbox=none --seccomp=none \\
  --translate-uid=map:0:$(id -u):1 --translate-gid=map:0:$(id -g):1 &
"""
_DAEMON_LISTENS = """\
until test -S {tag}.sock; do sleep 0.1; done
"""

Shares = Literal["9p", "virtiofs"]
"""How folders of the host are shared with a guest; nixpkgs uses virtiofs since August 2026."""


@dataclass(frozen=True)
class System:
    """A system as Nix builds it: a folder of the store with kernel, initrd, kernel-params and init.

    `toplevel` is that folder on the host, `inside` its path in the guest, `store` the host's folder
    that is the store of the guest, and `image` an additional disk. With `store_image`, a file in
    qcow2, the store is on that instead, as with `virtualisation.useNixStoreImage`. With
    `read_only_store_image` the start script makes an image of erofs from `store`, as it does if
    `virtualisation.writableStore` is false, too.
    """

    toplevel: Path
    inside: str
    store: Path
    image: Path
    store_image: Path | None = None
    read_only_store_image: bool = False

    @property
    def shares_store(self) -> bool:
        """Whether the store is the host's folder."""
        return self.store_image is None and not self.read_only_store_image


def make(
    identity: NetworkIdentity,
    system: System,
    disks: Sequence[int] = (),
    efi: bool = False,
    memory: int = 1024,
    shares: Shares = "9p",
) -> str:
    """The text of `run-NAME-vm`. `disks` are the sizes of empty disks, in MB like `memory`."""
    img = shutil.which("qemu-img")
    mkfs = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin")
    parts = [_HEAD.format(name=identity.name, img=img, mkfs=mkfs, disk_size=1024)]
    if system.store_image:
        parts.append(_STORE_IMAGE.format(img=img, image=system.store_image))
    if system.read_only_store_image:
        parts.append(
            _READ_ONLY_STORE_IMAGE.format(
                store=system.store, mkfs=shutil.which("mkfs.erofs"), uuid=EROFS_UUID
            )
        )
    if efi:
        parts.append(_EFI.format(name=identity.name, variables=firmware.find_ovmf().variables))
    parts.append('\ncd "$TMPDIR"\n\n')
    for index, size in enumerate(disks):
        parts.append(_EMPTY_DISK.format(file=f"empty{index}.qcow2", img=img, size=size))
    if shares == "virtiofs":
        parts += _daemons(system)
    qemu = shutil.which("qemu-system-x86_64")
    parts.append(f"\n# Start QEMU.\nexec {qemu} -machine accel=kvm:tcg -cpu max \\\n    ")
    arguments = [
        f"-name {identity.name}",
        f"-m {memory}",
        "-smp 1",
        "-device virtio-rng-pci",
        "-net nic,netdev=user.0,model=virtio",
        '-netdev user,id=user.0,"$QEMU_NET_OPTS"',
        *_shares(system, shares),
        *_drives(system, disks),
        *_options(identity, system, efi, memory),
        "$QEMU_OPTS",
        '"$@"',
    ]
    parts.append(" \\\n    ".join(arguments) + "\n")
    return "".join(parts)


def _sources(system: System) -> dict[str, str]:
    """The shared folders, as words for the shell, by their tags."""
    store = {"nix-store": str(system.store)} if system.shares_store else {}
    return {
        **store,
        "shared": '"${SHARED_DIR:-$TMPDIR/xchg}"',
        "xchg": '"$TMPDIR"/xchg',
    }


def _daemons(system: System) -> list[str]:
    program = virtiofsd.find()
    parts = [
        _DAEMON.format(virtiofsd=program, tag=tag, source=source)
        for tag, source in _sources(system).items()
    ]
    return parts + [_DAEMON_LISTENS.format(tag=tag) for tag in _sources(system)]


def _shares(system: System, shares: Shares) -> list[str]:
    if shares == "9p":
        return [
            f"-virtfs local,path={source},security_model=none,mount_tag={tag}"
            for tag, source in _sources(system).items()
        ]
    return [
        f"-chardev socket,id={tag},path={tag}.sock"
        f" -device vhost-user-fs-pci,chardev={tag},tag={tag}"
        for tag in _sources(system)
    ]


def _drives(system: System, disks: Sequence[int]) -> list[str]:
    """The root disk, the empty disks, and the disk with the system."""
    drives = [
        ('cache=writeback,file="$NIX_DISK_IMAGE"', "werror=report", "bootindex=1,", ",serial=root")
    ]
    if not system.shares_store:
        kind = "raw" if system.read_only_store_image else "qcow2"
        drives.append(
            ('file="$TMPDIR"/store.img', f"format={kind},werror=report", "bootindex=2,", "")
        )
    drives += [
        (f"file=$(pwd)/empty{index}.qcow2", "werror=report", "", "") for index in range(len(disks))
    ]
    drives.append((f"file={system.image}", "format=raw,readonly=on", "", ",serial=system"))
    return [
        f"-drive {file},id=drive{index},if=none,index={index},{more}"
        f" -device virtio-blk-pci,{before}drive=drive{index}{after}"
        for index, (file, more, before, after) in enumerate(drives, 1)
    ]


def _options(identity: NetworkIdentity, system: System, efi: bool, memory: int) -> list[str]:
    """The options that NixOS puts in `virtualisation.qemu.options` of a test's machine."""
    options = [
        f"-object memory-backend-memfd,id=mem0,size={memory}M,share=on",
        "-machine memory-backend=mem0",
    ]
    for index, vlan in enumerate(identity.vlans, 1):
        options += [
            f"-device virtio-net-pci,netdev=vlan{index},mac={identity.mac(vlan)}",
            f'-netdev vde,id=vlan{index},sock="$QEMU_VDE_SOCKET_{vlan}"',
        ]
    kernel = "NIXPKGS_QEMU_KERNEL_" + re.sub("[^a-zA-Z0-9]", "_", identity.name)
    options += [
        "-device virtio-keyboard",
        "-usb",
        "-device usb-tablet,bus=usb-bus.0",
        f"-kernel ${{{kernel}:-{system.toplevel}/kernel}}",
        f"-initrd {system.toplevel}/initrd",
        f'-append "$(cat {system.toplevel}/kernel-params) init={system.inside}/init'
        f" regInfo={system.inside}/registration console=ttyS0,115200n8 console=tty0"
        ' $QEMU_KERNEL_PARAMS"',
    ]
    if efi:
        options += [
            f"-drive if=pflash,format=raw,unit=0,readonly=on,file={firmware.find_ovmf().code}",
            "-drive if=pflash,format=raw,unit=1,readonly=off,file=$NIX_EFI_VARS",
        ]
    return options
