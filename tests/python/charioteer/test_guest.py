"""Definitions of guests."""

from pathlib import Path

import pytest
from charioteer.errors import InputError
from charioteer.images import builder, go, guest

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


def define(folder: Path, name: str, text: str) -> Path:
    file = folder / name / "guest.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


class TestExtends:
    def test_what_is_said_again_wins_and_lists_grow(self, tmp_path: Path) -> None:
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

    def test_a_change_of_the_base_is_a_change(
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
            (BASE + PROGRAM + 'source = "."\n', "source: expected none beside package"),
            (BASE + OWN_PROGRAM.replace('"tool"', '"none"'), "source: expected a folder beside"),
            (BASE + OWN_PROGRAM.replace("module =", "# "), "module: missing"),
            (BASE + OWN_PROGRAM.replace("v0.2.3", "0.2.3"), "staging"),
            (BASE.replace("disk = 1024", "") + PROGRAM, "go"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, named: str) -> None:
        define(tmp_path, "other", 'extends = "more"\ndescription = ""\n')
        (tmp_path / "more/tool").mkdir(parents=True)
        with pytest.raises(InputError, match=named):
            guest.load_file(define(tmp_path, "more", text))


class TestOwnSource:
    """Programs whose main package is beside the definition."""

    def test_is_read(self, tmp_path: Path) -> None:
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

    def test_its_change_is_a_change_of_the_image(self, tmp_path: Path) -> None:
        (tmp_path / "own/tool").mkdir(parents=True)
        made = guest.load_file(define(tmp_path, "own", BASE + OWN_PROGRAM))
        (tmp_path / "own/tool/main.go").write_text("package main\n")
        before = builder.image_name(made)
        (tmp_path / "own/tool/main.go").write_text("package main // other\n")
        assert builder.image_name(made) != before
