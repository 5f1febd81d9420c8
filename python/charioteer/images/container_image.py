"""Container images for guests, in the format of `docker save`; equal contents give equal bytes."""

import hashlib
import io
import json
import posixpath
import stat
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO

from charioteer.errors import BuildError


@dataclass(frozen=True)
class ContainerImage:
    """An image of one layer: the contents of `folder`, and files of the guest.

    `files` has pairs of a path in the image and a path in the guest.
    """

    name: str
    target: str
    folder: Path | None
    files: tuple[tuple[str, str], ...]
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...]


def add(images: Sequence[ContainerImage], packages: Path) -> None:
    """Adds the archives of `images` to `packages`, the tar of the guest's tree. Raises BuildError."""
    for image in images:
        archive = packages.with_name("image.tar")
        with tarfile.open(packages) as tar:
            _make(image, _Tree(tar, image.name), archive)
        with tarfile.open(packages, "a") as tar, archive.open("rb") as file:
            tar.addfile(_entry("." + image.target, size=archive.stat().st_size), file)
        archive.unlink()


class _Tree:
    """The files of a guest, in a tar whose names begin with "./"."""

    def __init__(self, tar: tarfile.TarFile, image: str) -> None:
        self._tar = tar
        self._members = {member.name.removeprefix("."): member for member in tar}
        self._image = image

    def open(self, path: str) -> tuple[int, int, IO[bytes]]:
        """Mode, size and content of the file `path`, which may be a link. Raises BuildError."""
        current = path
        followed = set[str]()
        while (member := self._members.get(current)) and member.issym() and current not in followed:
            followed.add(current)
            folder = posixpath.dirname(current)
            current = posixpath.normpath(posixpath.join(folder, member.linkname))
        if member and member.islnk():
            member = self._tar.getmember(member.linkname)
        if not member or not member.isfile():
            raise BuildError(f"container image {self._image}: the guest has no file {path}")
        file = self._tar.extractfile(member)
        assert file
        return stat.S_IMODE(member.mode), member.size, file


def _make(image: ContainerImage, tree: _Tree, archive: Path) -> None:
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        _fill(image, tree, tar)
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": list(image.entrypoint), "Env": list(image.environment)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    )
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = _json([{"Config": name, "RepoTags": [image.name], "Layers": ["layer.tar"]}])
    with tarfile.open(archive, "w") as tar, layer.open("rb") as file:
        tar.addfile(_entry("manifest.json", size=len(manifest)), io.BytesIO(manifest))
        tar.addfile(_entry(name, size=len(config)), io.BytesIO(config))
        tar.addfile(_entry("layer.tar", size=layer.stat().st_size), file)
    layer.unlink()


def _fill(image: ContainerImage, tree: _Tree, layer: tarfile.TarFile) -> None:
    """Adds the image's content to `layer`, each folder before its entries."""
    folder = image.folder
    on_host = {str(path.relative_to(folder)): path for path in folder.rglob("*")} if folder else {}
    in_guest = {path.removeprefix("/"): source for path, source in image.files}
    names = {*on_host, *in_guest}
    names |= {str(parent) for name in names for parent in PurePath(name).parents} - {"."}
    for name in sorted(names):
        path = on_host.get(name)
        if source := in_guest.get(name):
            mode, size, content = tree.open(source)
            layer.addfile(_entry(name, mode, size), content)
        elif path and path.is_symlink():
            link = _entry(name, 0o777)
            link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
            layer.addfile(link)
        elif path and path.is_file():
            # Other bits of the mode depend on the umask with which the sources were checked out.
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                layer.addfile(_entry(name, mode, path.stat().st_size), content)
        else:
            entry = _entry(name, 0o755)
            entry.type = tarfile.DIRTYPE
            layer.addfile(entry)


def _entry(name: str, mode: int = 0o644, size: int = 0) -> tarfile.TarInfo:
    """An entry that is owned by root and whose time is 0."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = mode, size
    return entry


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
