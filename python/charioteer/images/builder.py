"""Builds the kernels and images of guests, each once, and keeps them in the cache."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charioteer import paths
from charioteer.images import (
    apt,
    container_image,
    download,
    go,
    initramfs,
    kernel,
    preparation,
    rootfs,
    store,
)
from charioteer.images.guest import File, Guest
from charioteer.images.kernel import KernelBundle
from charioteer.images.progress import Step

# To be increased when an unchanged definition gives another image than before.
_VERSION = b"4"


@dataclass(frozen=True)
class Image:
    """The files from which machines of one guest start."""

    bundle: KernelBundle
    initrd: Path
    root: Path | None


def is_built(guest: Guest) -> bool:
    """Whether `obtain` would return at once."""
    return store.find(_bundle_name(guest)) is not None and store.find(image_name(guest)) is not None


def obtain(guest: Guest) -> Image:
    """The image of `guest`; builds it if it is missing, and shows the progress. Raises BuildError."""
    bundle_folder = store.find(_bundle_name(guest))
    folder = store.find(image_name(guest))
    if bundle_folder is None or folder is None:
        with Step(f"image of {guest.name}") as step:
            bundle_folder, folder = _build(guest, step)
    root = folder / "root.img" if guest.has_disk else None
    return Image(KernelBundle(bundle_folder), folder / "initrd", root)


def _build(guest: Guest, step: Step) -> tuple[Path, Path]:
    def waiting() -> None:
        step.show("waiting for another run that builds it")

    def make_bundle(folder: Path) -> None:
        step.show(f"kernel of Debian {guest.suite}")
        kernel.build(folder, guest.suite, guest.kernel, store.log_of(folder.name))

    def make_image(folder: Path) -> None:
        (_make_disk if guest.has_disk else _make_initial)(guest, bundle, folder, step)

    bundle_folder = store.obtain(_bundle_name(guest), make_bundle, waiting)
    bundle = KernelBundle(bundle_folder)
    return bundle_folder, store.obtain(image_name(guest), make_image, waiting)


def _make_initial(guest: Guest, bundle: KernelBundle, folder: Path, step: Step) -> None:
    """An image that consists only of an initial file system."""
    step.show(f"packages of Debian {guest.suite}")
    tar = folder / "packages.tar"
    apt.bootstrap(guest.suite, "extract", guest.packages, tar, store.log_of(folder.name))
    step.show("initial file system")
    init = _init_script().read_bytes()
    (folder / "initrd").write_bytes(initramfs.make(guest, bundle, init, tar))
    tar.unlink()


def _make_disk(guest: Guest, bundle: KernelBundle, folder: Path, step: Step) -> None:
    """An image of a root disk and the small initial file system that mounts it."""
    obtained = [
        File(go.obtain(program, step), program.target, 0o755) for program in guest.go_programs
    ]
    obtained += [
        File(download.obtain(each, step), each.target, each.mode) for each in guest.downloads
    ]
    step.show(f"packages of Debian {guest.suite}")
    tar = folder / "packages.tar"
    log = store.log_of(folder.name)
    hooks = _hooks(guest, bundle, obtained)
    hooks += preparation.bootstrap_options(guest.preparations)
    apt.bootstrap(guest.suite, "minbase", guest.packages, tar, log, hooks)
    container_image.add(guest.container_images, tar)
    preparation.run(guest.preparations, tar, log, step)
    step.show("root disk")
    rootfs.make(tar, folder / "root.img", guest.disk)
    tar.unlink()
    init = _init_script().read_bytes()
    (folder / "initrd").write_bytes(initramfs.make(guest, bundle, init, None))


def _hooks(guest: Guest, bundle: KernelBundle, obtained: Sequence[File]) -> list[str]:
    """Options with which mmdebstrap adds the definition's files and settings to the tree.

    `obtained` are files that were built or downloaded.
    """
    hooks = [f"tar-in {shlex.quote(str(bundle.modules))} /"]
    hooks.append('for v in "$1"/usr/lib/modules/*; do chroot "$1" depmod "${v##*/}"; done')
    for file in (*obtained, *guest.files):
        target = shlex.quote(file.target)
        hooks.append(f'mkdir -p "$1"{shlex.quote(file.target.rpartition("/")[0])}')
        hooks.append(f"upload {shlex.quote(str(file.source))} {target}")
        hooks.append(f'chown 0:0 "$1"{target}; chmod {file.mode:o} "$1"{target}')
    for path, target in guest.links.items():
        hooks.append(f'ln -sf {shlex.quote(target)} "$1"{shlex.quote(path)}')
    for unit in guest.units:
        target = f"/etc/systemd/system/{unit.source.name}"
        hooks.append(f"upload {shlex.quote(str(unit.source))} {target}")
        hooks.append(f'chown 0:0 "$1"{target}; chmod 644 "$1"{target}')
        if unit.wanted_by:
            wants = f"/etc/systemd/system/{unit.wanted_by}.wants"
            hooks.append(f'mkdir -p "$1"{wants}; ln -s {target} "$1"{wants}/')
    for mask in guest.masks:
        for name in mask.names:
            path = shlex.quote(name if "/" in name else f"/etc/systemd/system/{name}")
            hooks.append(f'mkdir -p "$1"$(dirname {path}); ln -sf /dev/null "$1"{path}')
    hooks += [f'chroot "$1" systemctl disable {shlex.quote(name)}' for name in guest.disabled]
    hooks.append('chroot "$1" /usr/lib/charioteer/finish')
    return [f"--customize-hook={hook}" for hook in hooks]


def _init_script() -> Path:
    return paths.machines() / "common/init"


def _bundle_name(guest: Guest) -> str:
    parts = (_VERSION, guest.suite.encode(), guest.kernel.encode())
    return f"kernel-{store.digest(parts)}"


def image_name(guest: Guest) -> str:
    """The name of the image's folder in the cache, with a hash of everything it is made from."""
    sources = [*guest.definitions, _init_script()]
    sources += [file.source for file in guest.files] + [unit.source for unit in guest.units]
    sources += [preparation.script for preparation in guest.preparations]
    parts = [_VERSION, *(source.read_bytes() for source in sources)]
    # The definition describes other programs, and downloads, completely: by version and checksum.
    with_source = [program for program in guest.go_programs if program.source]
    parts += [go.folder_name(program).encode() for program in with_source]
    for image in guest.container_images:
        parts += store.contents(image.folder) if image.folder else ()
    return f"{guest.name}-{store.digest(parts)}"
