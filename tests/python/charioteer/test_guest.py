"""Definitions of guests."""

from pathlib import Path

import pytest
from charioteer.errors import InputError
from charioteer.images import builder, go, guest
from charioteer.images.container_image import ContainerImage
from charioteer.images.download import Download
from charioteer.images.preparation import Preparation

BASE = """
description = "the base"
suite = "trixie"
kernel = "linux-image-cloud-amd64"
memory = 512
disk = 1024
packages = ["systemd"]
kernel_parameters = ["quiet"]
[[mask]]
names = ["a.timer"]
reason = "never"
"""
PROGRAM = """
[[go]]
package = "example.org/module/cmd/tool"
version = "v1.2.3"
target = "/usr/bin/tool"
tags = ["one", "two"]
"""

OWN_PROGRAM = """
[[go]]
source = "tool"
module = "example.org/module"
version = "v1.2.3"
staging = "v0.2.3"
target = "/usr/bin/tool"
[go.stamps]
"example.org/module/version.number" = "1.2.3"
"""

DOWNLOAD = f"""
[[download]]
url = "https://example.org/tool"
sha256 = "{'0f' * 32}"
target = "/usr/bin/tool"
mode = "0755"
"""
CONTAINER_IMAGE = """
[[container_image]]
name = "example.org/tool:1"
target = "/usr/lib/images/tool.tar"
folder = "tool"
files = { "/bin/tool" = "/usr/bin/tool" }
entrypoint = ["/bin/tool"]
"""
PREPARATION = """
[[prepare]]
what = "the tool's first start"
script = "start"
"""


def define(folder: Path, name: str, text: str) -> Path:
    file = folder / name / "guest.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


class TestExtends:
    def test_later_values_override_and_lists_are_extended(self, tmp_path: Path) -> None:
        define(tmp_path, "base", BASE)
        text = 'extends = "base"\ndescription = "more"\nmemory = 2048\npackages = ["crun"]\n'
        text += 'disable = ["a.service"]\nkernel_parameters = ["debug"]\n[links]\n"/a" = "b"\n'
        made = guest.load_file(define(tmp_path, "more", text + PROGRAM))
        assert (made.name, made.description, made.suite) == ("more", "more", "trixie")
        assert (made.memory, made.disk, made.cpus) == (2048, 1024, 1)
        assert made.packages == ("systemd", "crun")
        assert made.kernel_parameters == ("quiet", "debug")
        assert [mask.names for mask in made.masks] == [("a.timer",)]
        assert (made.disabled, made.links) == (("a.service",), {"/a": "b"})
        assert made.go_programs == (
            go.Program("example.org/module/cmd/tool", "v1.2.3", ("one", "two"), "/usr/bin/tool"),
        )

    def test_a_change_of_the_base_changes_the_image_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))
        base = define(tmp_path, "base", BASE)
        more = define(tmp_path, "more", 'extends = "base"\ndescription = "more"\n')
        before = builder.image_name(guest.load_file(more))
        assert builder.image_name(guest.load_file(more)) == before
        base.write_text(BASE + "# other\n")
        assert builder.image_name(guest.load_file(more)) != before

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ('extends = "nowhere"\ndescription = ""\n', "extends"),
            ('extends = "other"\ndescription = ""\n', "does not extend this one"),
            ('extends = "other"\n', "extends"),
            (BASE + PROGRAM.replace("v1.2.3", "latest"), "version"),
            (BASE + PROGRAM.replace('"/usr', '"usr'), "target"),
            (BASE + PROGRAM + 'source = "."\n', "source: expected none together with package"),
            (BASE + OWN_PROGRAM.replace('"tool"', '"none"'), "source: expected a folder beside"),
            (BASE + OWN_PROGRAM.replace("module =", "# "), "module: missing"),
            (BASE + OWN_PROGRAM.replace("v0.2.3", "0.2.3"), "staging"),
            (BASE.replace("disk = 1024", "") + PROGRAM, "go"),
            (BASE + DOWNLOAD.replace("https:", "ftp:"), "url: expected an http or https URL"),
            (BASE + DOWNLOAD.replace("0f", "0F"), "sha256: expected 64"),
            (BASE + CONTAINER_IMAGE.replace(":1", ""), "name: expected a name such as"),
            (BASE + CONTAINER_IMAGE.replace('"tool"', '"none"'), "folder: expected a folder"),
            (BASE + PREPARATION.replace('"start"', '"none"'), "script: expected a file"),
            (BASE + PREPARATION + "limit = 0\n", "limit: expected a whole number of s"),
            (BASE.replace("disk = 1024", "") + DOWNLOAD, "download: expected none"),
        ],
    )
    def test_invalid_values_are_named(self, tmp_path: Path, text: str, named: str) -> None:
        define(tmp_path, "other", 'extends = "more"\ndescription = ""\n')
        (tmp_path / "more/tool").mkdir(parents=True)
        (tmp_path / "more/start").touch()
        with pytest.raises(InputError, match=named):
            guest.load_file(define(tmp_path, "more", text))


class TestBuiltParts:
    """Parts of an image that are built from sources beside the definition, or downloaded."""

    def test_downloads_images_and_preparations_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "own/tool").mkdir(parents=True)
        (tmp_path / "own/start").touch()
        text = BASE + DOWNLOAD + CONTAINER_IMAGE + PREPARATION
        made = guest.load_file(define(tmp_path, "own", text))
        url = "https://example.org/tool"
        assert made.downloads == (Download(url, "0f" * 32, "/usr/bin/tool", 0o755),)
        assert made.container_images == (
            ContainerImage(
                "example.org/tool:1",
                "/usr/lib/images/tool.tar",
                tmp_path / "own/tool",
                (("/bin/tool", "/usr/bin/tool"),),
                ("/bin/tool",),
                (),
            ),
        )
        script = tmp_path / "own/start"
        assert made.preparations == (Preparation("the tool's first start", script, 300),)

    def test_a_program_from_a_local_folder_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "own/tool").mkdir(parents=True)
        made = guest.load_file(define(tmp_path, "own", BASE + OWN_PROGRAM))
        assert made.go_programs == (
            go.Program(
                "",
                "v1.2.3",
                (),
                "/usr/bin/tool",
                source=tmp_path / "own/tool",
                module="example.org/module",
                staging="v0.2.3",
                stamps=(("example.org/module/version.number", "1.2.3"),),
            ),
        )

    @pytest.mark.parametrize(
        ("text", "changed"),
        [(OWN_PROGRAM, "tool/main.go"), (CONTAINER_IMAGE, "tool/file"), (PREPARATION, "start")],
    )
    def test_a_change_of_a_source_file_changes_the_image_name(
        self, tmp_path: Path, text: str, changed: str
    ) -> None:
        (tmp_path / "own/tool").mkdir(parents=True)
        (tmp_path / "own" / changed).write_text("before")
        made = guest.load_file(define(tmp_path, "own", BASE + text))
        before = builder.image_name(made)
        assert builder.image_name(made) == before
        (tmp_path / "own" / changed).write_text("after")
        assert builder.image_name(made) != before
