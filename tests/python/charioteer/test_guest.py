"""Definitions of guests, and the programs that are built for them."""

import os
from pathlib import Path

import pytest
from charioteer.errors import BuildError, InputError
from charioteer.images import builder, go, guest
from charioteer.images.progress import Step

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
            (BASE.replace("disk = 1024", "") + PROGRAM, "go"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, named: str) -> None:
        define(tmp_path, "other", 'extends = "more"\ndescription = ""\n')
        with pytest.raises(InputError, match=named):
            guest.load_file(define(tmp_path, "more", text))


class TestGo:
    """Programs from Go modules, by a fake `go`."""

    program = go.Program("example.org/module/cmd/tool", "v1.2.3", ("one", "two"), "/usr/bin/tool")

    @pytest.fixture(autouse=True)
    def _places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(go, "_PLACES", ())
        (tmp_path / "tools").mkdir()
        monkeypatch.setenv("PATH", f"{tmp_path}/tools:/usr/bin:/bin")

    def fake(self, tmp_path: Path, work: str, version: str = "go1.26.8") -> Path:
        """A `go` that notes its arguments in the file returned."""
        calls = tmp_path / "calls"
        script = f"""#!/bin/sh
            [ "$1" != env ] || {{ echo {version}; exit; }}
            echo "$PWD" "$CGO_ENABLED" "$@" >> {calls}
            {work}
        """
        (tmp_path / "tools/go").write_text(script)
        (tmp_path / "tools/go").chmod(0o755)
        return calls

    def obtain(self) -> Path:
        with Step("image") as step:
            return go.obtain(self.program, step)

    def test_is_built_once_by_name_and_version(self, tmp_path: Path) -> None:
        calls = self.fake(tmp_path, '[ "$1" != build ] || touch tool')
        assert self.obtain() == self.obtain()
        assert self.obtain().is_file()
        arguments = [line.split(" ", 2)[1:] for line in calls.read_text().splitlines()]
        assert arguments == [
            ["0", "mod init charioteer.invalid/build"],
            ["0", "get example.org/module/cmd/tool@v1.2.3"],
            [
                "0",
                "build -trimpath -ldflags=-s -w -tags=one,two -o tool example.org/module/cmd/tool",
            ],
        ]

    def test_says_how_to_get_go(self) -> None:
        if os.path.exists("/usr/bin/go"):
            pytest.skip("this host has a Go in /usr/bin")
        with pytest.raises(BuildError, match="go: not installed, .* tool .*apt-get install"):
            self.obtain()

    def test_says_that_go_is_too_old(self, tmp_path: Path) -> None:
        self.fake(tmp_path, "", "go1.19.8")
        with pytest.raises(BuildError, match="is go1.19.8; tool needs 1.21 or newer"):
            self.obtain()

    def test_says_why_it_cannot_be_built(self, tmp_path: Path) -> None:
        self.fake(tmp_path, 'echo "dial tcp 10.0.0.1:443: i/o timeout" >&2; exit 1')
        with pytest.raises(
            BuildError, match="the module proxy cannot be reached: dial tcp"
        ) as error:
            self.obtain()
        (log,) = (tmp_path / "cache").glob("*.log")
        assert str(log) in str(error.value)
