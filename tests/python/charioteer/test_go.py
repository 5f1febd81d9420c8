"""Building programs for guests from Go modules, with a fake `go`."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from charioteer.errors import BuildError
from charioteer.images import go
from charioteer.images.progress import Step

PROGRAM = go.Program("example.org/module/cmd/tool", "v1.2.3", ("one", "two"), "/usr/bin/tool")
# Output of `go mod edit -json` for a module that replaces two others by folders of its source tree.
MODULE_FILE = """{"Replace": [
    {"Old": {"Path": "example.org/api"}, "New": {"Path": "./staging/api"}},
    {"Old": {"Path": "example.org/fork"}, "New": {"Path": "example.com/fork", "Version": "v1.0.0"}},
    {"Old": {"Path": "example.org/client"}, "New": {"Path": "./staging/client"}}]}"""
STAGED = f"""
case "$2 $3" in
    "download -json") echo '{{"GoMod": "/modules/tool.mod"}}' ;;
    "edit -json") echo '{MODULE_FILE}' ;;
esac
[ "$1" != build ] || cp tool.source/main.go tool
"""


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARIOTEER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(go, "_PATHS", ())
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:/usr/bin:/bin")


def fake(tmp_path: Path, commands: str, version: str = "go1.26.8") -> Path:
    """Installs a `go` that runs `commands` in a shell; returns the file that logs its calls."""
    calls = tmp_path / "calls"
    script = f"""#!/bin/sh
        [ "$1" != env ] || {{ echo {version}; exit; }}
        echo "$PWD" "$CGO_ENABLED" "$@" >> {calls}
        {commands}
    """
    (tmp_path / "tools/go").write_text(script)
    (tmp_path / "tools/go").chmod(0o755)
    return calls


@pytest.fixture
def local_program(tmp_path: Path) -> go.Program:
    """A program whose main package is a local folder."""
    (tmp_path / "own/tool").mkdir(parents=True)
    (tmp_path / "own/tool/main.go").write_text("package main\n")
    return go.Program(
        "",
        "v1.2.3",
        (),
        "/usr/bin/tool",
        source=tmp_path / "own/tool",
        module="example.org/module",
        staging="v0.2.3",
        stamps=(("example.org/module/version.number", "1.2.3"),),
    )


def obtain(program: go.Program = PROGRAM) -> Path:
    with Step("image") as step:
        return go.obtain(program, step)


def test_a_published_package_is_built_once(tmp_path: Path) -> None:
    calls = fake(tmp_path, '[ "$1" != build ] || touch tool')
    assert obtain() == obtain()
    assert obtain().is_file()
    arguments = [line.split(" ", 2)[1:] for line in calls.read_text().splitlines()]
    assert arguments == [
        ["0", "mod init charioteer.invalid/build"],
        ["0", "get example.org/module/cmd/tool@v1.2.3"],
        [
            "0",
            "build -trimpath -ldflags=-s -w -tags=one,two -o tool example.org/module/cmd/tool",
        ],
    ]


def test_a_local_folder_is_compiled_against_the_module(
    tmp_path: Path, local_program: go.Program
) -> None:
    calls = fake(tmp_path, STAGED)
    assert obtain(local_program).read_text() == "package main\n"
    assert [line.split(" ", 2)[2] for line in calls.read_text().splitlines()] == [
        "mod init charioteer.invalid/build",
        "mod download -json example.org/module@v1.2.3",
        "mod edit -json /modules/tool.mod",
        "mod edit -replace=example.org/api=example.org/api@v0.2.3"
        " -replace=example.org/client=example.org/client@v0.2.3",
        "get example.org/module@v1.2.3",
        "build -trimpath -ldflags=-s -w -X 'example.org/module/version.number=1.2.3' -tags="
        " -o tool ./tool.source",
    ]


def test_replacements_apply_to_a_published_package_too(tmp_path: Path) -> None:
    calls = fake(tmp_path, STAGED.replace("cp tool.source/main.go", "touch"))
    obtain(dataclasses.replace(PROGRAM, module="example.org/module", staging="v0.2.3"))
    assert "get example.org/module/cmd/tool@v1.2.3" in calls.read_text()
    assert "=example.org/client@v0.2.3" in calls.read_text()


def test_each_change_of_the_input_changes_the_folder_name(local_program: go.Program) -> None:
    assert local_program.source
    names = {go.folder_name(local_program), go.folder_name(dataclasses.replace(local_program))}
    assert len(names) == 1
    changes: list[dict[str, Any]] = [
        {"staging": ""},
        {"stamps": ()},
        {"tags": ("a",)},
        {"module": ""},
    ]
    for change in changes:
        names.add(go.folder_name(dataclasses.replace(local_program, **change)))
    (local_program.source / "main.go").write_text("package main // another\n")
    names.add(go.folder_name(local_program))
    (local_program.source / "main.go").rename(local_program.source / "other.go")
    names.add(go.folder_name(local_program))
    assert len(names) == 7


def test_a_missing_module_is_an_error_with_the_reason(
    tmp_path: Path, local_program: go.Program
) -> None:
    response = '{"Error": "example.org/module@v1.2.3: 404 Not Found"}'
    fake(tmp_path, f"[ $2 != download ] || {{ echo '{response}'; exit 1; }}")
    with pytest.raises(BuildError, match="cannot build tool v1.2.3: example.org/module.*404"):
        obtain(local_program)


def test_a_missing_go_is_an_error_with_the_remedy() -> None:
    if os.path.exists("/usr/bin/go"):
        pytest.skip("this host has a Go in /usr/bin")
    with pytest.raises(BuildError, match="go: not installed; tool .*apt-get install"):
        obtain()


def test_an_old_go_is_an_error_with_both_versions(tmp_path: Path) -> None:
    fake(tmp_path, "", "go1.19.8")
    with pytest.raises(BuildError, match="is go1.19.8; tool needs 1.21 or newer"):
        obtain()


def test_an_unreachable_proxy_is_an_error_with_the_log(tmp_path: Path) -> None:
    fake(tmp_path, 'echo "dial tcp 10.0.0.1:443: i/o timeout" >&2; exit 1')
    with pytest.raises(BuildError, match="the module proxy cannot be reached: dial tcp") as error:
        obtain()
    (log,) = (tmp_path / "cache").glob("*.log")
    assert str(log) in str(error.value)
