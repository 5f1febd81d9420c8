"""Container images that are made for guests."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from charioteer.errors import BuildError
from charioteer.images import container_image
from charioteer.images.container_image import ContainerImage

IMAGE = "/usr/lib/images/tool.tar"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """The tar of a guest with a program, a link to it, and a link to itself."""
    path = tmp_path / "packages.tar"
    with tarfile.open(path, "w") as tar:
        program = tarfile.TarInfo("./usr/bin/busybox")
        program.mode, program.size, program.uid, program.mtime = 0o755, 7, 1000, 1
        tar.addfile(program, io.BytesIO(b"program"))
        for name, target in (("./usr/bin/sh", "busybox"), ("./usr/bin/loop", "loop")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return path


def image(files: dict[str, str], folder: Path | None = None) -> ContainerImage:
    return ContainerImage("lab/tool:1", IMAGE, folder, tuple(files.items()), ("/bin/sh",), ("A=b",))


def made(packages: Path) -> bytes:
    """The archive in the guest's tree."""
    with tarfile.open(packages) as tar:
        file = tar.extractfile("." + IMAGE)
        assert file
        return file.read()


def files_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def layer_of(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(files_of(archive)["layer.tar"])) as tar:
        return {member.name: member for member in tar}


def test_the_archive_has_the_format_of_docker_save(packages: Path) -> None:
    container_image.add([image({"/bin/sh": "/usr/bin/sh"})], packages)
    files = files_of(made(packages))
    (manifest,) = json.loads(files["manifest.json"])
    config = files[manifest["Config"]]
    assert manifest["Config"] == hashlib.sha256(config).hexdigest() + ".json"
    assert (manifest["RepoTags"], manifest["Layers"]) == (["lab/tool:1"], ["layer.tar"])
    described = json.loads(config)
    digest = hashlib.sha256(files["layer.tar"]).hexdigest()
    assert described["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert described["config"] == {"Entrypoint": ["/bin/sh"], "Env": ["A=b"]}


def test_files_of_the_guest_are_added_with_their_folders(packages: Path) -> None:
    container_image.add([image({"/opt/tool/sh": "/usr/bin/sh"})], packages)
    layer = layer_of(made(packages))
    assert list(layer) == ["opt", "opt/tool", "opt/tool/sh"]
    assert layer["opt"].isdir()
    program = layer["opt/tool/sh"]
    assert (program.mode, program.uid, program.mtime, program.size) == (0o755, 0, 0, 7)


def test_the_same_contents_give_the_same_bytes(packages: Path, tmp_path: Path) -> None:
    archives = []
    for index, mode in enumerate((0o600, 0o664)):
        folder = tmp_path / str(index)
        names = ["b", "a"] if index else ["a", "b"]
        (folder / "etc").mkdir(parents=True)
        for name in names:
            (folder / "etc" / name).write_text(name)
            (folder / "etc" / name).chmod(mode)
        (folder / "run").symlink_to("etc/a")
        container_image.add([image({"/bin/sh": "/usr/bin/sh"}, folder)], packages)
        archives.append(made(packages))
    assert archives[0] == archives[1]
    layer = layer_of(archives[0])
    assert list(layer) == ["bin", "bin/sh", "etc", "etc/a", "etc/b", "run"]
    assert layer["run"].linkname == "etc/a"


@pytest.mark.parametrize("path", ["/usr/bin/none", "/usr/bin/loop"])
def test_a_file_missing_in_the_guest_is_an_error(packages: Path, path: str) -> None:
    with pytest.raises(BuildError, match=f"container image lab/tool:1: .* no file {path}"):
        container_image.add([image({"/bin/sh": path})], packages)
