"""Generates the driver configuration and the start scripts of a cluster."""

import json
from pathlib import Path

from charioteer.cluster import container_script, run_script
from charioteer.cluster.definition import Cluster, Machine
from charioteer.cluster.identity import boot_archive
from charioteer.images import apt, builder, firmware
from charioteer.images.guest import Guest


def write(cluster: Cluster, folder: Path) -> Path:
    """Builds missing images, writes scripts and configuration into `folder`.

    Returns the path of the configuration. Raises BuildError, also if QEMU is not installed.
    """
    if cluster.machines:
        # First, since building an image takes minutes.
        apt.require({"qemu-system-x86_64": "qemu-system-x86"}, apt.INSTALL_QEMU)
    built = images(cluster)
    identities = cluster.identities
    vms: dict[str, dict[str, str]] = {}
    for machine in cluster.machines:
        image = built[machine.guest.name]
        identity = identities[machine.name]
        initrd = initrd_of(machine, folder)
        needed = _modules(machine)
        modules = image.bundle.module(needed) if needed else []
        own = boot_archive(identity, list(identities.values()), machine.root_password, modules)
        initrd.write_bytes(image.initrd.read_bytes() + own)
        script = folder / f"run-{machine.name}-vm"
        run_script.write(
            script, run_script.make(machine, identity, image, initrd, cluster.ssh_backdoor)
        )
        vms[machine.name] = {"name": machine.name, "start_script": str(script)}
    containers: dict[str, dict[str, str]] = {}
    for container in cluster.containers:
        script = folder / f"run-{container.name}-nspawn"
        image = built[container.guest.name]
        all_identities = list(identities.values())
        text = container_script.make(container, identities[container.name], image, all_identities)
        run_script.write(script, text)
        containers[container.name] = {"name": container.name, "start_script": str(script)}
    configuration = {
        "vms": vms,
        "containers": containers,
        "container_addresses": {
            str(vlan): {
                identities[each.name].mac(vlan): each.name
                for each in cluster.containers
                if vlan in each.vlans
            }
            for vlan in cluster.vlans
        },
        "vlans": cluster.vlans,
        "global_timeout": cluster.global_timeout,
        "enable_ssh_backdoor": cluster.ssh_backdoor,
        "test_script": str(_script(cluster, folder).absolute()),
    }
    path = folder / "driver.json"
    path.write_text(json.dumps(configuration, indent=2) + "\n")
    return path


def images(cluster: Cluster) -> dict[str, builder.Image]:
    """The images by the names of the guests; builds missing ones. Raises BuildError."""
    return {guest.name: builder.obtain(guest) for guest in _guests(cluster)}


def initrd_of(machine: Machine, folder: Path) -> Path:
    """Its initial file system, which `write` makes in `folder`."""
    return folder / f"{machine.name}.initrd"


def _script(cluster: Cluster, folder: Path) -> Path:
    """The test script; an empty one in `folder` if the cluster has none."""
    if cluster.script is not None:
        return cluster.script
    empty = folder / "no-script.py"
    empty.touch()
    return empty


def _modules(machine: Machine) -> list[str]:
    """The kernel modules for devices that only some machines of the guest have."""
    modules = ["efivarfs"] if machine.firmware == firmware.EFI else []
    if machine.disks:
        modules.append("virtio_blk")
    return [name for name in modules if name not in machine.guest.modules]


def _guests(cluster: Cluster) -> list[Guest]:
    guests = [machine.guest for machine in cluster.machines]
    guests += [container.guest for container in cluster.containers]
    return list({guest.name: guest for guest in guests}.values())
