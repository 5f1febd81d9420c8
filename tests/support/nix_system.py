"""Systems for start scripts like those of nixpkgs: a Debian that boots like NixOS.

The root disk is the empty disk that the start script creates. The store is a folder of the host,
mounted by 9p or virtiofs, or an image of that folder, as the lower layer of an overlay, or a read-only
image of erofs, and contains the `init` of the kernel's command line. Programs come from a read-only disk
with the guest `debian`. The kernel is that of `desktop`, since the cloud kernel does not support 9p.
"""

import json
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from charioteer.cluster.identity import NetworkIdentity, assign_identities, boot_archive
from charioteer.images import builder, guest, initramfs

from support import nix_script
from support.nix_script import Shares, System

_MODULES = (
    "crc32c_generic ext4 virtio_blk virtio_net virtio_input overlay erofs 9pnet_virtio 9p".split()
)
_PARAMETERS = "loglevel=7 net.ifnames=0 panic=1 boot.panic_on_fail clocksource=acpi_pm"
# The first program: loads drivers, sets host name and addresses, mounts the file systems of NixOS,
# then starts `init`.
_STAGE_1 = """\
#!/bin/sh
mount -t devtmpfs -o mode=0755 dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*.ko; do insmod "$module"; done
for word in $(cat /proc/cmdline); do
    case $word in init=*) init=${word#init=} ;; esac
done
read -r name < /charioteer/hostname
echo "$name" > /proc/sys/kernel/hostname
ifconfig lo up
while read -r device address netmask ipv6; do
    echo 0 > "/proc/sys/net/ipv6/conf/$device/accept_dad"
    ifconfig "$device" "$address" netmask "$netmask" up
    [ -z "$ipv6" ] || ip -6 addr add "$ipv6" dev "$device"
done < /charioteer/network

mkdir -p /system /disk
mount -t ext4 "$(findfs LABEL=nixos)" /disk
mount -t ext4 -o ro "$(findfs LABEL=root)" /system
mkdir -p /disk/changes /disk/work
mount -t overlay -o lowerdir=/system,upperdir=/disk/changes,workdir=/disk/work overlay /root
mount -t tmpfs -o mode=1777,strictatime,nosuid,nodev tmpfs /root/tmp
share() {
    mkdir -p "/root$2"
    mount -t virtiofs "$1" "/root$2" 2> /dev/null ||
        mount -t 9p -o "trans=virtio,version=9p2000.L,msize=16384$3" "$1" "/root$2"
}
mkdir -p /root/nix/store
if image=$(findfs UUID=@EROFS@ 2> /dev/null); then
    mount -t erofs -o ro "$image" /root/nix/store
    writable=no
elif image=$(findfs LABEL=nix-store 2> /dev/null); then
    mkdir -p /root/nix/.ro-store
    mount -t ext4 -o ro "$image" /root/nix/.ro-store
else
    share nix-store /nix/.ro-store ,cache=loose
fi
share shared /tmp/shared
share xchg /tmp/xchg
if [ "$writable" != no ]; then
    mkdir -p /root/nix/.rw-store
    mount -t tmpfs -o mode=0755 tmpfs /root/nix/.rw-store
    mkdir /root/nix/.rw-store/upper /root/nix/.rw-store/work
    mount -t overlay -o lowerdir=/root/nix/.ro-store,upperdir=/root/nix/.rw-store/upper,workdir=/root/nix/.rw-store/work \\
        overlay /root/nix/store
fi
cp /charioteer/hostname /charioteer/hosts /charioteer/machine-id /root/etc/
for folder in dev proc sys; do mount --move "/$folder" "/root/$folder"; done
exec switch_root /root "$init"
""".replace(
    "@EROFS@", nix_script.EROFS_UUID
)
_INIT = "#!/bin/sh\nexec /usr/lib/systemd/systemd\n"


def write(
    folder: Path,
    names: Sequence[str],
    script: str = "",
    efi: bool = False,
    shares: Shares = "9p",
    store_image: bool = False,
    read_only_stores: Collection[str] = (),
) -> Path:
    """Writes a driver configuration of nixpkgs 26.05 for machines on VLAN 1, and returns its path.

    The scripts are in `folder`, the systems in `folder`/store. `read_only_stores` names the machines
    whose store is a read-only image, also with `store_image`.
    """
    identities = assign_identities({name: [1] for name in names})
    vms = {}
    for name, identity in identities.items():
        system = make(identity, list(identities.values()), folder / "store")
        if name in read_only_stores:
            system = replace(system, read_only_store_image=True)
        elif store_image:
            image = folder / f"{name}-store.qcow2"
            _write_store_image(system.toplevel, image)
            system = replace(system, store_image=image)
        start = folder / f"{name}-vm/bin/run-{name}-vm"
        start.parent.mkdir(parents=True)
        start.write_text(nix_script.make(identity, system, disks=[16], efi=efi, shares=shares))
        start.chmod(0o755)
        vms[name] = {"name": name, "start_script": str(start)}
    (folder / "test-script").write_text(script)
    configuration = folder / "driverConfiguration.json"
    content = {
        "containers": {},
        "enable_ssh_backdoor": False,
        "global_timeout": 3600,
        "test_script": str(folder / "test-script"),
        "vlans": [1],
        "vms": vms,
    }
    configuration.write_text(json.dumps(content))
    return configuration


def make(
    identity: NetworkIdentity, all_identities: Sequence[NetworkIdentity], store: Path
) -> System:
    """Writes the system of `identity` to the folder `store`; builds missing images."""
    debian = guest.load("debian")
    image = builder.obtain(debian)
    bundle = builder.obtain(guest.load("desktop")).bundle
    assert image.root is not None
    name = f"0123456789abcdfghijklmnpqrsvwxyz-nixos-system-{identity.name}"
    toplevel = store / name
    toplevel.mkdir(parents=True)
    initrd = initramfs.make(
        replace(debian, modules=tuple(_MODULES)), bundle, _STAGE_1.encode(), None
    )
    (toplevel / "initrd").write_bytes(initrd + boot_archive(identity, all_identities, ""))
    (toplevel / "kernel").symlink_to(bundle.vmlinuz.absolute())
    # The parameters of `debian` make the boot under emulation faster.
    (toplevel / "kernel-params").write_text(" ".join([_PARAMETERS, *debian.kernel_parameters]))
    (toplevel / "init").write_text(_INIT)
    (toplevel / "init").chmod(0o755)
    return System(toplevel, f"/nix/store/{name}", store, image.root.absolute())


def _write_store_image(toplevel: Path, image: Path) -> None:
    """Writes a file system with the folder `toplevel` of the store, in qcow2."""
    store = image.with_suffix(".store")
    store.mkdir()
    shutil.copytree(toplevel, store / toplevel.name, symlinks=True)
    raw = image.with_suffix(".raw")
    mkfs = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin")
    made: list[list[str | Path]] = [
        [str(mkfs), "-q", "-L", "nix-store", "-d", store, raw, "256M"],
        ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image],
    ]
    for command in made:
        subprocess.run(command, check=True, capture_output=True)
    raw.unlink()
    shutil.rmtree(store)
