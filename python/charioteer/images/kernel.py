"""The boot files of a guest, from Debian's packages: kernel, modules and busybox."""

import io
import lzma
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from charioteer.errors import BuildError
from charioteer.images import apt, bzimage

_ZSTD = b"\x28\xb5\x2f\xfd"
_ELF = b"\x7fELF"


class KernelBundle:
    """The built boot files of a guest, in their folder."""

    def __init__(self, folder: Path) -> None:
        self.kernel = folder / "kernel"
        """Uncompressed, which saves half a second at boot; started by QEMU's `-kernel`."""
        self.vmlinuz = folder / "vmlinuz"
        """The kernel as in Debian's package, which EFI firmware can start as an EFI program."""
        self.busybox = folder / "busybox"
        self.modules = folder / "modules.tar"

    def module(self, names: Iterable[str]) -> "list[tuple[str, bytes]]":
        """The modules `names` and their dependencies, with contents, in loading order."""
        with tarfile.open(self.modules) as archive:
            members = {_module_name(member.name): member for member in archive if member.isfile()}
            ordered: dict[str, bytes] = {}

            def load(name: str) -> None:
                if name in ordered:
                    return
                if name not in members:
                    raise BuildError(f"the kernel has no module {name}")
                file = archive.extractfile(members[name])
                assert file
                data = file.read()
                for needed in _needs(data):
                    load(needed)
                ordered[name] = data

            for name in names:
                load(name.replace("-", "_"))
        return list(ordered.items())


def build(folder: Path, suite: str, package: str, log: Path) -> None:
    """Makes the bundle of a kernel package in the empty `folder`; mmdebstrap's output goes to `log`.

    Raises BuildError.
    """
    apt.require({"zstd": "zstd"})
    tar = folder / "packages.tar"
    apt.bootstrap(suite, "extract", [package, "busybox-static"], tar, log)
    bundle = KernelBundle(folder)
    with tarfile.open(tar) as archive, tarfile.open(bundle.modules, "w") as modules:
        for member in archive:
            name = member.name.removeprefix(".").removeprefix("/")
            file = archive.extractfile(member) if member.isfile() else None
            if name.startswith("usr/lib/modules/"):
                member.name = name
                if file and name.endswith(".ko.xz"):
                    member.name, file = name.removesuffix(".xz"), _unpack_module(file, member)
                modules.addfile(member, file)
            elif file and name == "usr/bin/busybox":
                bundle.busybox.write_bytes(file.read())
                bundle.busybox.chmod(0o755)
            elif file and name.startswith("boot/vmlinuz-"):
                compressed = file.read()
                bundle.vmlinuz.write_bytes(compressed)
                bundle.kernel.write_bytes(bzimage.uncompressed(compressed, _unpack(compressed)))
    tar.unlink()
    for path in (bundle.kernel, bundle.busybox):
        if not path.is_file():
            raise BuildError(f"{package} of Debian {suite} contains no {path.name}")


def _unpack(image: bytes) -> bytes:
    """The ELF kernel inside a bzImage."""
    start = image.find(_ZSTD)
    while start >= 0:
        # The exit status is not checked: zstd reports an error for what follows the compressed data.
        done = subprocess.run(
            ["zstd", "-dcq"], input=image[start:], capture_output=True, check=False
        )
        if done.stdout.startswith(_ELF):
            return done.stdout
        start = image.find(_ZSTD, start + 1)
    raise BuildError("the kernel is not compressed with zstd; other formats are not supported")


def _unpack_module(file: IO[bytes], member: tarfile.TarInfo) -> IO[bytes]:
    """The uncompressed module, so that guests need not decompress it at every boot."""
    data = lzma.decompress(file.read())
    member.size = len(data)
    return io.BytesIO(data)


def _module_name(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def _needs(module: bytes) -> list[str]:
    """The dependencies of a module, from `depends=` in its information section."""
    start = module.find(b"\0depends=") + len(b"\0depends=")
    names = module[start : module.find(b"\0", start)].decode()
    return [name.replace("-", "_") for name in names.split(",") if name]
